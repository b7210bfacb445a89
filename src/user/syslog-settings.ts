/** Which log server events are exported to, and how: `--syslog` and its related options. */

export const SYSLOG_FORMATS = ["oximy", "ecs", "ocsf"] as const;
export type SyslogFormat = (typeof SYSLOG_FORMATS)[number];

export type SyslogAddress =
  | { readonly kind: "tcp" | "tls" | "udp"; readonly host: string; readonly port: number }
  /** The socket of a log daemon on this machine. */
  | { readonly kind: "unix"; readonly path: string };

/** Plain data, sent between processes. */
export interface SyslogSettings {
  readonly address: SyslogAddress;
  readonly format: SyslogFormat;
  /** Whether prompts and responses are included. */
  readonly content: boolean;
  /** A file of roots (PEM) to verify the server with, instead of Node's. */
  readonly certificate?: string;
}

/** TLS: RFC 5425 §4.1; UDP: RFC 5426 §3.3; TCP: common practice (RFC 6587 §3.2). */
const USUAL_PORT = { tcp: 514, tls: 6514, udp: 514 } as const;

/** `tcp://host:port`, `tls://host:port`, `udp://host:port`, `unix:/path`; undefined for anything else. */
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
