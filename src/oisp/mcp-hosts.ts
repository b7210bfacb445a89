/** Hosts of MCP servers, given by the user (`--mcp-host`): the bundle lists none. */

import { hostKey, LOOPBACK_HOSTS, normaliseHost, splitHostPort } from "./host-name.js";

/** An entry without a port means those of HTTPS and HTTP, as in the bundle. */
const ORDINARY_PORTS = [443, 80];

export class McpHosts {
  private readonly keys: ReadonlySet<string>;

  /** @param named each `host` or `host:port`, as returned by `mcpHostOf` */
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

/** Normalises user input, which may be a URL, to `host` or `host:port`; undefined when it is invalid. */
export function mcpHostOf(text: string): string | undefined {
  const entry = text.includes("://") ? (URL.canParse(text) ? new URL(text).host : "") : text;
  const { host, port } = splitHostPort(entry) ?? {};
  if (host === undefined || host.startsWith("*")) return undefined;
  return host.includes(":") ? (port === undefined ? host : `[${host}]:${port}`) : hostKey(host, port);
}

/** Other than ordinary ports of remote hosts. */
export function mcpPorts(named: readonly string[]): number[] {
  return named.flatMap((each) => {
    const { host, port } = splitHostPort(each) ?? {};
    return host === undefined || port === undefined || LOOPBACK_HOSTS.has(host) ? [] : [port];
  });
}
