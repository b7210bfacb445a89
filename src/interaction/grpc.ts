import type { Fields } from "../exchange/exchange.js";
import { fieldValue } from "../exchange/fields.js";
import { decodedBound, unpack } from "./content-encoding.js";
import type { StreamChunk } from "./interaction.js";
import { jsonOrText } from "./json.js";
import { MAX_CHUNKS } from "./json-sequence.js";
import { readProtobuf } from "./protobuf.js";

const PREFIX = 5;
const COMPRESSED = 0x01;
/** Connect's end of stream (JSON) and gRPC-Web's trailers (text): not service messages. */
const END = 0x02 | 0x80;

export interface Envelopes {
  readonly chunks: readonly StreamChunk[];
  readonly truncated: boolean;
}

/** True for gRPC, gRPC-Web and Connect streams, whose bodies are enveloped messages. */
export function isEnveloped(essence: string): boolean {
  return /^application\/(?:grpc(?:-web(?:-text)?)?(?:\+|$)|connect\+)/.test(essence);
}

/** True for single protobuf messages: Connect's unary calls, and Google's own clients. */
export function isProtobuf(essence: string): boolean {
  return /^application\/(?:proto|x-protobuf|protobuf|vnd\.google\.protobuf)$/.test(essence);
}

/**
 * Messages of a gRPC, gRPC-Web or Connect body (PROTOCOL-HTTP2.md "Length-Prefixed-Message",
 * connectrpc.com/docs/protocol "Enveloped-Message"): JSON as JSON, protobuf as its structure.
 */
export function readEnvelopes(body: Buffer, essence: string, fields: Fields): Envelopes {
  const bytes = essence.includes("-web-text") ? Buffer.from(body.toString("latin1"), "base64") : body;
  const coding = fieldValue(
    fields,
    essence.startsWith("application/grpc") ? "grpc-encoding" : "connect-content-encoding",
  );
  const chunks: StreamChunk[] = [];
  let left = decodedBound(body.length);
  let at = 0;
  while (at + PREFIX <= bytes.length && chunks.length < MAX_CHUNKS && left > 0) {
    const flags = bytes[at]!;
    const end = at + PREFIX + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    const message = plain(
      bytes.subarray(at + PREFIX, end),
      (flags & COMPRESSED) === 0 ? undefined : coding,
      left,
    );
    left -= message.length;
    chunks.push(
      (flags & END) === 0
        ? { data: readMessage(message, essence) }
        : { event: "end", data: jsonOrText(message.toString("utf8")) },
    );
    at = end;
  }
  return { chunks, truncated: at < bytes.length };
}

function plain(message: Buffer, coding: string | undefined, bound: number): Buffer {
  const unpacked = unpack(
    message,
    coding === undefined || coding === "identity" ? [] : [coding.toLowerCase()],
    bound,
  );
  return unpacked.kind === "bytes" ? unpacked.bytes : message;
}

function readMessage(message: Buffer, essence: string): unknown {
  if (essence.endsWith("json")) return jsonOrText(message.toString("utf8"));
  return readProtobuf(message) ?? { size: message.length };
}
