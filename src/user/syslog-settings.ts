/** Which log server is told of events, and how: `--syslog` and what goes with it. */

export const SYSLOG_FORMATS = ["oximy", "ecs", "ocsf"] as const;
export type SyslogFormat = (typeof SYSLOG_FORMATS)[number];

export type SyslogAddress =
  | { readonly kind: "tcp" | "tls" | "udp"; readonly host: string; readonly port: number }
  /** The socket of a log daemon on this machine. */
  | { readonly kind: "unix"; readonly path: string };

/** Plain data: it crosses processes. */
export interface SyslogSettings {
  readonly address: SyslogAddress;
  readonly format: SyslogFormat;
  /** What was said and answered, too. */
  readonly content: boolean;
  /** A file of roots (PEM) against which the server is verified, in the place of Node's. */
  readonly certificate?: string;
}

/** Of TLS by RFC 5425 §4.1, of UDP by RFC 5426 §3.3; of TCP by what is usual (RFC 6587 §3.2). */
const USUAL_PORT = { tcp: 514, tls: 6514, udp: 514 } as const;

/** `tcp://host:port`, `tls://host:port`, `udp://host:port`, `unix:/path`; undefined for what is none. */
export function parseSyslogAddress(text: string): SyslogAddress | undefined {
  const [, path] = /^unix:(?:\/\/)?(\/[^\0]*[^/\0])$/.exec(text) ?? [];
  if (path !== undefined) return { kind: "unix", path };
  const [, kind, six, name, digits] =
    /^(tcp|tls|udp):\/\/(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?\/?$/i.exec(text) ?? [];
  const host = six ?? name;
  if (kind === undefined || host === undefined) return undefined;
  const scheme = kind.toLowerCase() as keyof typeof USUAL_PORT;
  const port = digits === undefined ? USUAL_PORT[scheme] : Number(digits);
  return port < 1 || port > 65_535 ? undefined : { kind: scheme, host, port };
}
