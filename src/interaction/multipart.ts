import type { MultipartPart } from "./interaction.js";
import { present } from "./json.js";
import { bytesReference } from "./media.js";
import { decodeText, parseMediaType } from "./media-type.js";

/** Limit of parts per body; forms of AI calls have about a dozen. */
const MAX_PARTS = 1000;

export interface Multipart {
  readonly parts: readonly MultipartPart[];
  /** True when the closing delimiter is missing. */
  readonly truncated: boolean;
}

/**
 * Parses a multipart body (RFC 2046 §5.1, RFC 7578). Text fields are kept, files become references. Without a
 * boundary in the media type, the first line is used.
 */
export function readMultipart(bytes: Buffer, boundary: string | undefined): Multipart {
  const delimiter = boundary === undefined ? firstLine(bytes) : Buffer.from(`--${boundary}`, "latin1");
  const parts: MultipartPart[] = [];
  let start = bytes.indexOf(delimiter);
  while (start >= 0 && delimiter.length > 2 && parts.length < MAX_PARTS) {
    start += delimiter.length;
    if (bytes[start] === 0x2d && bytes[start + 1] === 0x2d) return { parts, truncated: false };
    const next = bytes.indexOf(delimiter, start);
    const end = next < 0 ? bytes.length : next;
    parts.push(readPart(bytes.subarray(start, end)));
    start = next;
  }
  return { parts, truncated: true };
}

function firstLine(bytes: Buffer): Buffer {
  const end = bytes.indexOf("\n");
  return Buffer.from(bytes.subarray(0, Math.max(end, 0)).toString("latin1").trimEnd(), "latin1");
}

/** `\r\n` header lines `\r\n\r\n` content `\r\n`, with bare line feeds tolerated. */
function readPart(part: Buffer): MultipartPart {
  const text = part.toString("latin1");
  const head = /^\r?\n(?:[^\r\n][^\n]*\n)*?\r?\n/.exec(text)?.[0] ?? "";
  const content = part.subarray(head.length, text.endsWith("\r\n") ? part.length - 2 : part.length);
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*?)\\s*$`, "im").exec(head)?.[1];
  const disposition = parseMediaType(field("content-disposition")).parameters;
  const type = parseMediaType(field("content-type"));
  const utf8 = (value: string | undefined) => value && Buffer.from(value, "latin1").toString("utf8");
  const filename = utf8(disposition.get("filename"));
  const asText = filename === undefined && !/^(?:image|audio|video)\//.test(type.essence);
  const decoded = asText ? decodeText(content, type.parameters.get("charset"), "strict") : undefined;
  return present<MultipartPart>({
    name: utf8(disposition.get("name")),
    filename,
    mediaType: type.essence || undefined,
    ...(decoded === undefined
      ? { media: bytesReference(content, type.essence || undefined) }
      : { text: decoded }),
  });
}
