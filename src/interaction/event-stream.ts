import { EventStreamCodec } from "@smithy/eventstream-codec";
import type { StreamChunk } from "./interaction.js";
import { isObject, jsonOrText, objectOf, parseJson, present } from "./json.js";
import { MAX_CHUNKS } from "./json-sequence.js";

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes).toString("utf8"),
  (text) => Buffer.from(text, "utf8"),
);

/** Size of an empty message: prelude, its checksum and the message's checksum. */
const SMALLEST_MESSAGE = 16;

export interface AmazonEventStream {
  readonly chunks: readonly StreamChunk[];
  /** True when the last message is truncated or corrupt. */
  readonly truncated: boolean;
}

/**
 * The messages of an `application/vnd.amazon.eventstream` (docs.aws.amazon.com, "Amazon event stream"). The name
 * of an event is its `:event-type`; an exception (`:exception-type`) and an error (`:error-code`) become an `error`.
 * InvokeModel's chunks contain the vendor's JSON as base64 in `bytes`, which is unwrapped.
 */
export function readAmazonEventStream(bytes: Buffer): AmazonEventStream {
  const chunks: StreamChunk[] = [];
  let at = 0;
  while (at + SMALLEST_MESSAGE <= bytes.length && chunks.length < MAX_CHUNKS) {
    const length = bytes.readUInt32BE(at);
    if (length < SMALLEST_MESSAGE || at + length > bytes.length) break;
    const chunk = readMessage(bytes.subarray(at, at + length));
    if (!chunk) break;
    chunks.push(chunk);
    at += length;
  }
  return { chunks, truncated: at < bytes.length };
}

function readMessage(message: Buffer): StreamChunk | undefined {
  try {
    const { headers, body } = codec.decode(message);
    const header = (name: string) => (headers[name] ? String(headers[name].value) : undefined);
    const data = unwrap(jsonOrText(Buffer.from(body).toString("utf8")));
    const event = header(":event-type");
    if (event !== undefined) return { event, data };
    const failure = header(":exception-type") ?? header(":error-code");
    if (failure === undefined) return { data };
    const why = objectOf(data).message ?? header(":error-message") ?? objectOf(data).Message;
    return { event: failure, data: { ...objectOf(data), error: present({ type: failure, message: why }) } };
  } catch {
    return undefined; // wrong checksum: what follows cannot be trusted either
  }
}

function unwrap(data: unknown): unknown {
  if (!isObject(data) || typeof data.bytes !== "string") return data;
  return parseJson(Buffer.from(data.bytes, "base64").toString("utf8")) ?? data;
}
