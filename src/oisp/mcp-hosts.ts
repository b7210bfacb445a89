/** Hosts of MCP servers, which the user names (`--mcp-host`): the bundle knows none of them. */

import { hostKey, LOOPBACK_HOSTS, normaliseHost, splitHostPort } from "./host-name.js";

/** Without a port an entry means those of HTTPS and HTTP, as an entry of the bundle does. */
const ORDINARY_PORTS = [443, 80];

export class McpHosts {
  private readonly keys: ReadonlySet<string>;

  /** @param named each `host` or `host:port`, as `mcpHostOf` gives them */
  constructor(named: readonly string[]) {
    this.keys = new Set(named.flatMap(keysOf));
  }

  has(host: string, port: number): boolean {
    if (this.keys.size === 0) return false;
    const name = normaliseHost(host);
    return name !== undefined && this.keys.has(hostKey(name, port));
  }
}

function keysOf(named: string): string[] {
  const { host, port } = splitHostPort(named) ?? {};
  if (host === undefined) return [];
  const names = LOOPBACK_HOSTS.has(host) ? [...LOOPBACK_HOSTS] : [host];
  return names.flatMap((name) =>
    (port === undefined ? ORDINARY_PORTS : [port]).map((each) => hostKey(name, each)),
  );
}

/** `host` or `host:port` of what somebody writes for it, also of a URL; undefined when it is none. */
export function mcpHostOf(text: string): string | undefined {
  const entry = text.includes("://") ? (URL.canParse(text) ? new URL(text).host : "") : text;
  const { host, port } = splitHostPort(entry) ?? {};
  if (host === undefined || host.startsWith("*")) return undefined;
  return host.includes(":") ? (port === undefined ? host : `[${host}]:${port}`) : hostKey(host, port);
}

/** Ports beyond the ordinary ones, of hosts that are not this machine itself. */
export function mcpPorts(named: readonly string[]): number[] {
  return named.flatMap((each) => {
    const { host, port } = splitHostPort(each) ?? {};
    return host === undefined || port === undefined || LOOPBACK_HOSTS.has(host) ? [] : [port];
  });
}
