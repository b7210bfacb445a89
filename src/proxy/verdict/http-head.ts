/**
 * Recognizes plain HTTP by its first peeked bytes and finds the requested host (RFC 9112 §3), without consuming
 * anything. Used by the verdict only; exchanges are read from the tap.
 */

export type HeadRead =
  | { readonly kind: "http"; readonly host?: string; readonly port?: number }
  /** A request head so far; more bytes are needed. */
  | { readonly kind: "incomplete" }
  | { readonly kind: "not_http" };

/** Heads above this pass through unread. */
export const MAX_HEAD = 16 << 10;

const METHOD_AND_SPACE = /^[A-Z][A-Z-]{1,19} /;
const METHOD_PREFIX = /^[A-Z][A-Z-]{0,19}$/;
const HTTP2_PREFACE = "PRI * HTTP/2.0\r\n";

/** Splits `host[:port]` (RFC 3986 §3.2; the port may be empty); IPv6 literals lose their brackets. */
export function splitAuthority(authority: string): { host: string; port?: number } | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:\s[\]/@]+))(?::(\d{0,5}))?$/i.exec(authority.trim());
  if (!match) return undefined;
  const host = (match[1] ?? match[2] ?? "").toLowerCase().replace(/\.$/, "");
  if (!match[3]) return { host };
  const port = Number(match[3]);
  return port > 0 && port <= 65_535 ? { host, port } : undefined;
}

/** Never throws. Give it all bytes peeked so far. */
export function readHttpHead(bytes: Buffer): HeadRead {
  const text = bytes.toString("latin1", 0, Math.min(bytes.length, MAX_HEAD));
  if (!METHOD_AND_SPACE.test(text)) {
    return METHOD_PREFIX.test(text) || text === "" ? { kind: "incomplete" } : { kind: "not_http" };
  }
  // Prior-knowledge HTTP/2 has no readable host here: its headers are compressed (RFC 9113 §3.3).
  if (text.startsWith(HTTP2_PREFACE.slice(0, text.length))) {
    return text.length < HTTP2_PREFACE.length ? { kind: "incomplete" } : { kind: "http" };
  }
  const lineEnd = text.indexOf("\n");
  if (lineEnd < 0) return bytes.length >= MAX_HEAD ? { kind: "not_http" } : { kind: "incomplete" };
  const line = /^[A-Z-]+ (\S+) HTTP\/1\.[01]\r?$/.exec(text.slice(0, lineEnd));
  if (!line) return { kind: "not_http" };
  const absolute = /^https?:\/\/([^/?#]+)/i.exec(line[1] ?? "");
  if (absolute) return { kind: "http", ...splitAuthority(absolute[1] ?? "") };
  const head = text.slice(lineEnd + 1);
  const end = /\r?\n\r?\n/.exec(`\n${head}`);
  const host = /^host:[ \t]*([^\r\n]*)\r?$/im.exec(
    end ? head.slice(0, end.index) : head.slice(0, head.lastIndexOf("\n") + 1),
  );
  if (host) return { kind: "http", ...splitAuthority(host[1] ?? "") };
  return end || bytes.length >= MAX_HEAD ? { kind: "http" } : { kind: "incomplete" };
}
