import { domainToASCII } from "node:url";

/** Names of this machine. An entry for one of them stands for all, and always means one port. */
export const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "::1"]);

/**
 * A host as it is compared everywhere: lower case, without trailing dot or brackets, international names in
 * ASCII (RFC 5891). Undefined when it cannot be a host name or an address.
 */
export function normaliseHost(host: string): string | undefined {
  let name = host.toLowerCase();
  if (name.startsWith("[") && name.endsWith("]")) name = name.slice(1, -1);
  if (name.endsWith(".")) name = name.slice(0, -1);
  if (!/^[\x00-\x7f]*$/.test(name)) name = domainToASCII(name);
  return name.length <= 253 && /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$|^[0-9a-f]*:[0-9a-f:.]+$/.test(name)
    ? name
    : undefined;
}

/** `host:port` or `host`, as published; an IPv6 address with a port is in brackets. */
export function splitHostPort(entry: string): { host: string; port?: number } | undefined {
  const match = /^(\[[^\]]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(entry.trim());
  if (!match) {
    const address = normaliseHost(entry.trim());
    return address?.includes(":") ? { host: address } : undefined;
  }
  const [, name = "", digits] = match;
  const wildcard = name.startsWith("*.");
  const host = normaliseHost(wildcard ? name.slice(2) : name);
  if (host === undefined) return undefined;
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  return { host: wildcard ? `*.${host}` : host, ...(port === undefined ? {} : { port }) };
}

/** The key of a host entry: `host` or `host:port`. */
export function hostKey(host: string, port?: number): string {
  return port === undefined ? host : `${host}:${port}`;
}
