import type { Fields } from "./exchange.js";
import { fieldTokens, fieldValue, fieldValues } from "./fields.js";
import { ProtocolError } from "./guard.js";

/** How the length of an HTTP/1 message body is determined (RFC 9112 §6.3). */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until_close" };

export const NO_BODY: Framing = { kind: "none" };

/** A request without lengths has no body. */
export function requestFraming(fields: Fields, version: "1.0" | "1.1"): Framing {
  return declaredFraming(fields, version) ?? NO_BODY;
}

/** A response without lengths lasts until the connection closes. */
export function responseFraming(
  fields: Fields,
  version: "1.0" | "1.1",
  status: number,
  method: string,
): Framing {
  if (method === "HEAD" || status === 204 || status === 304) return NO_BODY;
  return declaredFraming(fields, version) ?? { kind: "until_close" };
}

/**
 * When implementations may disagree about a length (RFC 9112 §11.2), the copy does not show how the receiver decides:
 * such messages are not read.
 */
function declaredFraming(fields: Fields, version: "1.0" | "1.1"): Framing | undefined {
  const hasCoding = fieldValue(fields, "transfer-encoding") !== undefined;
  const lengths = fieldValues(fields, "content-length");
  if (!hasCoding) return lengths.length === 0 ? undefined : lengthFraming(lengths);
  if (lengths.length > 0) throw new ProtocolError("http1_conflicting_lengths");
  const codings = fieldTokens(fields, "transfer-encoding");
  // Codings under `chunked` are left on the body: nobody sends them (RFC 9112 §7.3), and the field lists them.
  if (version === "1.0" || codings.indexOf("chunked") !== codings.length - 1) {
    throw new ProtocolError("http1_unknown_transfer_coding");
  }
  return { kind: "chunked" };
}

/** A repeated identical length counts as one (RFC 9110 §8.6). */
function lengthFraming(values: readonly string[]): Framing {
  const combined = values.length === 1 ? values[0]! : values.join(",");
  const [first = "", ...others] = combined.includes(",")
    ? combined.split(",").map((member) => member.trim())
    : [combined.trim()];
  if (!/^\d{1,15}$/.test(first)) throw new ProtocolError("http1_bad_content_length");
  if (others.some((member) => member !== first)) throw new ProtocolError("http1_conflicting_lengths");
  const length = Number(first);
  return length === 0 ? NO_BODY : { kind: "length", length };
}
