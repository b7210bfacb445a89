import type { Body, Fields } from "../exchange/exchange.js";
import { contentCodings, unpack } from "./content-encoding.js";
import { readAmazonEventStream } from "./event-stream.js";
import { isEnveloped, isProtobuf, readEnvelopes } from "./grpc.js";
import type { DecodedBody, StreamChunk } from "./interaction.js";
import { isObject, parseLoosely } from "./json.js";
import { MAX_CHUNKS, parseJsonPrefix, readJsonSequence } from "./json-sequence.js";
import { keepSource, shareSource } from "./json-source.js";
import { decodeText, type MediaType, mediaTypeOf } from "./media-type.js";
import { readMultipart } from "./multipart.js";
import { readProtobuf } from "./protobuf.js";
import { firstEventBorder, readEventStream } from "./sse.js";

/**
 * Decodes a body: removes content codings, and parses it by its media type, or by its content when that is missing or
 * wrong. Of a body truncated in the middle, streams yield the events of both ends, other kinds only the start.
 * Never throws; decompresses at most 16 MiB, and at most 128 times the input.
 */
export function decodeBody(body: Body, fields: Fields): DecodedBody {
  if (body.length === 0 || body.head.length === 0) return { kind: "empty" };
  const codings = contentCodings(fields);
  let unpacked = unpack(body.head, codings);
  if (unpacked.kind === "failed" && looksLikeText(body.head)) {
    // Declared as compressed, but is not: occurs on servers whose error pages bypass compression.
    unpacked = { kind: "bytes", bytes: body.head, truncated: false };
  } else if (codings.length === 0 && isGzip(body.head)) {
    unpacked = unpack(body.head, ["gzip"]);
  }
  if (unpacked.kind === "failed")
    return { kind: "undecodable", reason: unpacked.reason, length: body.length };
  const { bytes } = unpacked;
  const asSent = bytes === body.head;
  return readBytes({
    bytes,
    // The end of a compressed body cannot be decompressed without its middle.
    tail: asSent ? body.tail : undefined,
    fields,
    mediaType: mediaTypeOf(fields),
    truncated: body.truncated || unpacked.truncated,
    length: asSent ? body.length : bytes.length,
  });
}

/** A decoded body in the form stored in events: JSON as JSON, a stream as its chunks, text as text. */
export function rawOf(decoded: DecodedBody): unknown {
  switch (decoded.kind) {
    case "json":
    case "form":
      return decoded.value;
    case "stream":
      return rawStream(decoded.chunks);
    case "multipart":
      return decoded.parts;
    case "text":
      return decoded.text;
    default:
      return undefined;
  }
}

function rawStream(chunks: readonly StreamChunk[]): readonly unknown[] {
  const raw = chunks.map((chunk) => chunk.data);
  shareSource(chunks, raw);
  return raw;
}

interface Unpacked {
  readonly bytes: Buffer;
  readonly tail: Buffer | undefined;
  readonly fields: Fields;
  readonly mediaType: MediaType;
  readonly truncated: boolean;
  readonly length: number;
}

function readBytes(body: Unpacked): DecodedBody {
  const { bytes, mediaType, truncated } = body;
  const { essence } = mediaType;
  if (bytes.length === 0) return truncated ? binary(body) : { kind: "empty" };
  if (essence.startsWith("multipart/")) {
    const form = readMultipart(bytes, mediaType.parameters.get("boundary"));
    return { kind: "multipart", parts: form.parts, truncated: truncated || form.truncated };
  }
  if (essence === "application/vnd.amazon.eventstream") {
    const { chunks, truncated: cut } = readAmazonEventStream(bytes);
    return { kind: "stream", format: "eventstream", chunks, truncated: truncated || cut };
  }
  if (isEnveloped(essence)) {
    const { chunks, truncated: cut } = readEnvelopes(bytes, essence, body.fields);
    return { kind: "stream", format: "length_prefixed", chunks, truncated: truncated || cut };
  }
  if (isProtobuf(essence)) {
    const value = readProtobuf(bytes);
    return value ? { kind: "json", value, truncated } : binary(body);
  }
  if (/^(?:image|audio|video|font)\//.test(essence)) return binary(body);
  const charset = mediaType.parameters.get("charset") ?? (isUtf16(bytes) ? "utf-16le" : undefined);
  const text = decodeText(bytes, charset, isTextType(essence) ? "lenient" : "strict");
  if (text === undefined || (!isTextType(essence) && text.includes("\0"))) return binary(body);
  switch (shapeOf(text, essence)) {
    case "sse": {
      const chunks = readEventStream(text);
      const tail = tailEvents(body, charset);
      return {
        kind: "stream",
        format: "sse",
        chunks: tail.length > 0 ? chunks.concat(tail) : chunks,
        truncated: truncated || chunks.length >= MAX_CHUNKS,
      };
    }
    case "json":
      return readJson(text, body, charset);
    case "form":
      return { kind: "form", value: readForm(text), truncated };
    case "text":
      return { kind: "text", text, truncated };
  }
}

function binary({ length, mediaType, truncated }: Unpacked): DecodedBody {
  return mediaType.essence === ""
    ? { kind: "binary", length, truncated }
    : { kind: "binary", length, mediaType: mediaType.essence, truncated };
}

/** Text by its media type; invalid bytes in these are replaced individually. */
function isTextType(essence: string): boolean {
  return /^text\/|[/+](?:json|jsonl|ndjson|x-ndjson|stream\+json|x-www-form-urlencoded)$/.test(essence);
}

/** Prefix of Google's responses to its own pages, which keeps other pages from running them as a script. */
const ANTI_HIJACK = ")]}'";

/** Kind of a text by its first characters, which are reliable; by its media type when they are inconclusive. */
function shapeOf(text: string, essence: string): "sse" | "json" | "form" | "text" {
  const start = text.slice(0, 256).trimStart();
  if (/^[{[]/.test(start) || start.startsWith(ANTI_HIJACK)) return "json";
  if (/^(?:data|event|id|retry)?:/.test(start)) return "sse";
  if (essence === "text/event-stream") return "sse";
  if (essence === "application/x-www-form-urlencoded") return "form";
  return /json/.test(essence) ? "json" : "text";
}

function readJson(text: string, body: Unpacked, charset: string | undefined): DecodedBody {
  const { truncated } = body;
  const { value: whole, exact } = parseLoosely(text);
  if (whole !== undefined) {
    if (exact) keepSource(whole, text);
    return { kind: "json", value: whole, truncated };
  }
  const { values, openFrom, cut } = readJsonSequence(text);
  if (values.length === 0 && openFrom !== undefined) {
    const value = parseJsonPrefix(text.slice(openFrom));
    if (value !== undefined) return { kind: "json", value, truncated: true };
  }
  const isLengthPrefixed = text.startsWith(ANTI_HIJACK);
  // Lists alone may be prose, such as "[1] see below".
  if (!isLengthPrefixed && !values.some(isObject)) return { kind: "text", text, truncated };
  const chunks: StreamChunk[] = values.map((data) => ({ data }));
  const format = isLengthPrefixed
    ? "length_prefixed"
    : /[}\]]\r?\n[{[]/.test(text)
      ? "ndjson"
      : "concatenated";
  return {
    kind: "stream",
    format,
    chunks: chunks.concat(tailLines(body, charset)),
    truncated: truncated || openFrom !== undefined || cut === true,
  };
}

/** Events at the end of a stream whose middle was dropped: from the first event boundary on. */
function tailEvents({ tail }: Unpacked, charset: string | undefined): StreamChunk[] {
  const text = tail && decodeText(tail, charset, "lenient");
  return text ? readEventStream(text.slice(firstEventBorder(text))) : [];
}

function tailLines({ tail }: Unpacked, charset: string | undefined): StreamChunk[] {
  const text = tail && decodeText(tail, charset, "lenient");
  const border = text ? text.indexOf("\n") : -1;
  return text && border >= 0 ? readJsonSequence(text.slice(border)).values.map((data) => ({ data })) : [];
}

/** Fields of a form; repeated names yield a list. */
function readForm(text: string): Record<string, unknown> {
  // Limited, since collecting the names takes quadratic time.
  const form = new URLSearchParams(firstFields(text));
  return Object.fromEntries(
    [...new Set(form.keys())].map((name) => {
      const values = form.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

const MAX_FIELDS = 1000;

function firstFields(text: string): string {
  let at = -1;
  for (let fields = 0; fields < MAX_FIELDS; fields++) {
    at = text.indexOf("&", at + 1);
    if (at < 0) return text;
  }
  return text.slice(0, at);
}

function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8;
}

function isUtf16(bytes: Buffer): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xfe;
}

function looksLikeText(bytes: Buffer): boolean {
  return decodeText(bytes.subarray(0, 512), undefined, "strict")?.match(/^\s*(?:[{[<]|data:|event:)/) != null;
}
