/** Bytes that a hostile peer may send within TLS, from a seeded generator. */

import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { CORPUS } from "../../exchange/corpus.js";
import { mutate, type Random } from "../../fuzz/mutations.js";

export type Direction = "request" | "response";
export type Protocol = "h2" | "http/1.1";

/** Unpacked they are as large as a capture could be made to keep, or many times that. */
const BOMB_BYTES = 24 << 20;
const bombs = new Map<string, Buffer>();

const CODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
  identity: (bytes) => bytes,
};

/** One that unpacks to zeros, to spaces within JSON, or to arrays without end. */
function bomb(coding: string, fill: string): Buffer {
  const key = `${coding} ${fill}`;
  let made = bombs.get(key);
  if (made === undefined) {
    made = CODERS[coding]!(
      coding === "identity" ? Buffer.alloc(1 << 20, fill) : Buffer.alloc(BOMB_BYTES, fill),
    );
    bombs.set(key, made);
  }
  return made;
}

/** Bodies that those who read AI answers stumble over. */
function body(random: Random): { coding: string; bytes: Buffer } {
  const coding = random.oneOf(Object.keys(CODERS));
  const depth = 1 + random.below(20_000);
  const bytes = random.oneOf<() => Buffer>([
    () => bomb(coding, random.oneOf(["\0", " ", "[", '{"a":', "data: x\n\n"])),
    () => CODERS[coding]!(Buffer.from(`${"[".repeat(depth)}${"]".repeat(depth)}`)),
    () => CODERS[coding]!(Buffer.from(`{"choices":[{"message":{"content":"${"\\ud800".repeat(depth)}"}}]}`)),
    () => CODERS[coding]!(Buffer.from(`data: {"choices":[{"delta":{"content":"x"}}]}\n\n`.repeat(depth))),
    () => CODERS[coding]!(Buffer.from(`{"__proto__":{"model":1},"model":{"a":[${"1,".repeat(depth)}1]}}`)),
    () => mutate(CODERS[coding]!(random.bytes(random.below(4_000))), random),
    () => CODERS[coding]!(CODERS[random.oneOf(Object.keys(CODERS))]!(random.bytes(1_000))),
  ])();
  return { coding, bytes };
}

const TYPES = [
  "application/json",
  "text/event-stream",
  "application/grpc",
  "multipart/form-data; boundary=",
  "*/*;;",
];

function http1Message(direction: Direction, random: Random): Buffer {
  const { coding, bytes } = body(random);
  const framing = random.oneOf([
    `content-length: ${bytes.length}`,
    `content-length: ${random.below(2 ** 31)}`,
    "transfer-encoding: chunked",
    "content-length: -1",
    `content-length: ${"9".repeat(1 + random.below(40))}`,
  ]);
  const first =
    direction === "request"
      ? random.oneOf([
          "POST /v1/chat/completions HTTP/1.1",
          "GET /v1/realtime HTTP/1.1",
          "POST /v1/messages HTTP/1.1",
        ])
      : random.oneOf(["HTTP/1.1 200 OK", "HTTP/1.1 101 Switching Protocols", "HTTP/1.1 103 Early Hints"]);
  const head = [
    first,
    "host: hostile.example",
    `content-type: ${random.oneOf(TYPES)}`,
    `content-encoding: ${
      random.below(8) === 0
        ? Array(1 + random.below(30))
            .fill(coding)
            .join(", ")
        : coding
    }`,
    framing,
    ...(random.below(4) === 0 ? ["connection: upgrade", "upgrade: websocket"] : []),
    ...(random.below(6) === 0 ? Array.from({ length: random.below(3_000) }, (_, at) => `x-${at}: y`) : []),
  ];
  const chunked = framing.endsWith("chunked")
    ? Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n0\r\n\r\n")])
    : bytes;
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), chunked]);
}

/** RFC 6455 §5.2, with what must not be: reserved bits, lengths that lie, control frames in pieces. */
function webSocketFrame(random: Random): Buffer {
  const payload =
    random.below(3) === 0 ? deflateRawSync(bomb("identity", "a")) : random.bytes(random.below(500));
  const length = random.oneOf([payload.length, random.below(126), 2 ** 31]);
  const head = Buffer.alloc(10);
  head[0] = random.below(256);
  head[1] = 127 | (random.below(2) << 7);
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

/** RFC 9113 §4.1, with any type, any flags, and lengths that may lie. */
function http2Frame(random: Random): Buffer {
  const payload = random.oneOf<() => Buffer>([
    () => random.bytes(random.below(300)),
    () => Buffer.alloc(random.below(16_384), 0xbe), // references into the table of fields
    () => body(random).bytes.subarray(0, 16_384),
    () => Buffer.concat([Buffer.from([0x82, 0x87, 0x84]), random.bytes(random.below(60))]),
  ])();
  const head = Buffer.alloc(9);
  head.writeUIntBE(random.below(10) === 0 ? random.below(2 ** 24) : payload.length, 0, 3);
  head[3] = random.below(12);
  head[4] = random.below(256);
  head.writeUInt32BE(random.below(4) === 0 ? random.below(2 ** 31) : 1 + 2 * random.below(4), 5);
  return Buffer.concat([head, payload]);
}

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const NO_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

/** What one side says on one connection, in the pieces that it is written in. */
export function hostileBytes(direction: Direction, protocol: Protocol, random: Random): Buffer[] {
  const count = 1 + random.below(30);
  if (random.below(4) === 0) {
    // A whole connection with a few things changed.
    const steps = random
      .oneOf(CORPUS.filter((one) => (one.protocol === "h2") === (protocol === "h2")))
      .steps.filter(([side]) => side === direction)
      .map(([, text]) => Buffer.from(text as string, "latin1"));
    return steps.map((bytes) => (random.below(3) === 0 ? mutate(bytes, random) : bytes));
  }
  if (random.below(8) === 0) return [random.bytes(random.below(5_000))];
  if (protocol === "h2") {
    const frames = Array.from({ length: count }, () => http2Frame(random));
    return [...(direction === "request" ? [PREFACE] : []), NO_SETTINGS, ...frames];
  }
  const message = http1Message(direction, random);
  const frames = message.includes("websocket")
    ? Array.from({ length: count }, () => webSocketFrame(random))
    : [];
  return [random.below(4) === 0 ? mutate(message, random) : message, ...frames];
}
