import { isAscii, isUtf8 } from "node:buffer";
import type { Fields } from "../exchange/exchange.js";
import { fieldValue } from "../exchange/fields.js";

export interface MediaType {
  /** `type/subtype`, lower case; empty when none was sent. */
  readonly essence: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const PARAMETER = /;\s*([^=;\s]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g;

/** Parses a `Content-Type` (RFC 9110 §8.3.1), leniently. */
export function parseMediaType(value = ""): MediaType {
  const semicolon = value.indexOf(";");
  const essence = (semicolon < 0 ? value : value.slice(0, semicolon)).trim().toLowerCase();
  const parameters = new Map<string, string>();
  if (semicolon >= 0) {
    for (const [, name, quoted, token] of value.matchAll(PARAMETER)) {
      parameters.set(name!.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? token!.trim());
    }
  }
  return { essence, parameters };
}

export function mediaTypeOf(fields: Fields): MediaType {
  return parseMediaType(fieldValue(fields, "content-type"));
}

/**
 * Decodes bytes in the given charset (UTF-8 by default), without byte order mark. An incomplete character at the end is
 * dropped. `undefined` when the bytes are invalid in that charset and `strictness` does not permit it.
 */
export function decodeText(
  bytes: Buffer,
  charset: string | undefined,
  strictness: "strict" | "lenient",
): string | undefined {
  if (charset === undefined || /^(?:utf-?8|us-ascii)$/i.test(charset)) {
    const whole = withoutCutCharacter(bytes);
    // Most JSON is ASCII, which is decoded several times faster as latin1.
    if (isAscii(whole)) return whole.toString("latin1");
    return strictness === "strict" && !isUtf8(whole) ? undefined : withoutMark(whole.toString("utf8"));
  }
  try {
    return new TextDecoder(charset, { fatal: strictness === "strict" }).decode(bytes, { stream: true });
  } catch (error) {
    // An unknown charset is treated as UTF-8; bytes that are invalid in a known one are not text.
    return error instanceof RangeError ? decodeText(bytes, undefined, strictness) : undefined;
  }
}

function withoutMark(text: string): string {
  return text.startsWith("\uFEFF") ? text.slice(1) : text;
}

/** The bytes up to the last complete character: a lead byte determines how many bytes follow it. */
function withoutCutCharacter(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const announced = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return announced > back ? bytes.subarray(0, -back) : bytes;
  }
  return bytes;
}
