import type { Fields } from "../exchange/exchange.js";
import { fieldValue } from "../exchange/fields.js";

export interface MediaType {
  /** `type/subtype`, lower case; empty when none was sent. */
  readonly essence: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const PARAMETER = /;\s*([^=;\s]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g;

/** Reads a `Content-Type` (RFC 9110 §8.3.1), leniently. */
export function parseMediaType(value: string | undefined): MediaType {
  const [essence = ""] = (value ?? "").split(";", 1);
  const parameters = new Map<string, string>();
  for (const [, name, quoted, token] of (value ?? "").matchAll(PARAMETER)) {
    parameters.set(name!.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? token!.trim());
  }
  return { essence: essence.trim().toLowerCase(), parameters };
}

export function mediaTypeOf(fields: Fields): MediaType {
  return parseMediaType(fieldValue(fields, "content-type"));
}

/**
 * Text of the bytes in that charset (UTF-8 unless said otherwise). A character that the end cuts in two is left
 * out. `undefined` when the bytes are not text in it.
 */
export function decodeText(
  bytes: Uint8Array,
  charset: string | undefined,
  strictness: "strict" | "lenient",
): string | undefined {
  const fatal = strictness === "strict";
  try {
    return decoder(charset ?? "utf-8", fatal).decode(bytes, { stream: true });
  } catch {
    return fatal ? undefined : decoder("utf-8", false).decode(bytes, { stream: true });
  }
}

function decoder(charset: string, fatal: boolean): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(charset, { fatal });
  } catch {
    return new TextDecoder("utf-8", { fatal }); // a charset that nobody knows
  }
}
