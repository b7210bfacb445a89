/** Text encoded in base64: attachments, Kubernetes manifests, file contents from repository APIs. */

import type { Span } from "./span.js";

const VALUE_OF = new Int8Array(128).fill(-1);
[..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].forEach((char, value) => {
  VALUE_OF[char.charCodeAt(0)] = value;
});
VALUE_OF["-".charCodeAt(0)] = 62;
VALUE_OF["_".charCodeAt(0)] = 63;

/** This many characters must decode to text: hashes and images do so by chance less than once in a billion. */
const PROBE = 24;
/** Shorter texts contain no credential that is not found otherwise. */
const SHORTEST = 24;
/** Maximum number of base64 characters decoded. */
const LONGEST = 2 << 20;
const WITH_LINES =
  /[A-Za-z0-9+/_-]+(?:(?:\\{0,4}\r?\n|(?:\\{1,4}r)?\\{1,4}n)[ \t]{0,16}[A-Za-z0-9+/_-]{4,})*={0,2}/y;

/** The base64 starting there, if it decodes to text that contains a credential. */
export function base64TextAt(
  text: string,
  start: number,
  holdsSecret: (decoded: string) => boolean,
): Span | undefined {
  if (!beginsText(text, start)) return undefined;
  WITH_LINES.lastIndex = start;
  const encoded = WITH_LINES.exec(text)?.[0] ?? "";
  if (encoded.length < SHORTEST) return undefined;
  const bare = encoded.slice(0, LONGEST).replace(/\\+[rn]|\s/g, "");
  return holdsSecret(Buffer.from(bare, "base64").toString("utf8"))
    ? { start, end: start + encoded.length }
    : undefined;
}

/** Decodes the first characters one by one: most runs are ruled out at the second or third. */
function beginsText(text: string, start: number): boolean {
  let bits = 0;
  let held = 0;
  for (let i = 0; i < PROBE; i += 1) {
    const code = text.charCodeAt(start + i);
    const value = code < 128 ? VALUE_OF[code]! : -1;
    if (value < 0) return false;
    bits = ((bits << 6) | value) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    const byte = (bits >> held) & 0xff;
    if (!(byte >= 0x20 && byte < 0x7f) && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return false;
  }
  return true;
}
