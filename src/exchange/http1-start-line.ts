import type { Fields } from "./exchange.js";
import { fieldValue } from "./fields.js";
import { ProtocolError } from "./guard.js";
import type { RequestHead } from "./open-exchange.js";

export type Http1Version = "1.0" | "1.1";

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) +([^ ].*?) +HTTP\/1\.([01])$/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/;
const ABSOLUTE_TARGET = /^https?:\/\/([^/?#]*)(.*)$/i;

/**
 * Request line and target (RFC 9112 §3). A target in absolute form is converted to origin form, and its
 * authority takes precedence over `Host` (§3.2.2).
 */
export function parseRequestLine(line: string, fields: Fields): { head: RequestHead; version: Http1Version } {
  const match = REQUEST_LINE.exec(line);
  if (match === null) throw new ProtocolError("http1_bad_request_line");
  const method = match[1]!;
  const target = match[2]!;
  const version = match[3] === "0" ? "1.0" : "1.1";
  const host = fieldValue(fields, "host");
  if (method === "CONNECT") return { head: { method, path: target, authority: target, fields }, version };
  const absolute = target.startsWith("/") ? null : ABSOLUTE_TARGET.exec(target);
  if (absolute === null) return { head: { method, path: target, authority: host, fields }, version };
  const rest = absolute[2]!;
  const path = rest.startsWith("/") ? rest : `/${rest}`;
  return { head: { method, path, authority: absolute[1], fields }, version };
}

/** Status line (RFC 9112 §4). */
export function parseStatusLine(line: string): { status: number; version: Http1Version } {
  const match = STATUS_LINE.exec(line);
  if (match === null) throw new ProtocolError("http1_bad_status_line");
  return { status: Number(match[2]), version: match[1] === "0" ? "1.0" : "1.1" };
}
