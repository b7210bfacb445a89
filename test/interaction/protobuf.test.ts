import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { decodeBody, rawOf } from "../../src/interaction/decode.js";
import { readProtobuf } from "../../src/interaction/protobuf.js";
import { wholeBody } from "./exchanges.js";

function field(number: number, wireType: number, ...bytes: number[]): Buffer {
  return Buffer.from([(number << 3) | wireType, ...bytes]);
}

function text(number: number, content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([field(number, 2, bytes.length), bytes]);
}

const message = Buffer.concat([
  text(1, "Grüße 🌍"),
  field(2, 0, 0x96, 0x01),
  text(3, Buffer.concat([field(1, 0, 1), text(2, "inner")])),
  text(4, "a"),
  text(4, "b"),
]);
const structure = { 1: "Grüße 🌍", 2: 150, 3: { 1: 1, 2: "inner" }, 4: ["a", "b"] };

function envelope(content: Buffer, flags = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flags;
  prefix.writeUInt32BE(content.length, 1);
  return Buffer.concat([prefix, content]);
}

describe("protobuf without its schema", () => {
  test("gives numbers, text, nested messages and repeated fields", () => {
    expect(readProtobuf(message)).toEqual(structure);
  });

  test("gives fixed numbers, large numbers as text, and the size of other bytes", () => {
    const fixed = Buffer.alloc(13);
    fixed[0] = (1 << 3) | 1;
    fixed.writeDoubleLE(1.5, 1);
    fixed.set(field(2, 0, 0xff, 0xff, 0xff), 9);
    expect(readProtobuf(fixed.subarray(0, 9))).toEqual({ 1: 1.5 });
    expect(readProtobuf(field(2, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1))).toEqual({
      2: "18446744073709551615",
    });
    expect(readProtobuf(text(3, Buffer.from([0xff, 0xfe, 0])))).toEqual({ 3: { size: 3 } });
  });

  test("refuses what is none", () => {
    expect(readProtobuf(Buffer.from("just some words"))).toBeUndefined();
    expect(readProtobuf(Buffer.from([0x0a, 0x7f, 1]))).toBeUndefined();
  });

  test("does not follow nesting without end", () => {
    let nested: Buffer = text(1, Buffer.from([0xff]));
    for (let depth = 0; depth < 60; depth++) nested = nested.length < 100 ? text(1, nested) : nested;
    expect(() => readProtobuf(nested)).not.toThrow();
  });
});

describe("gRPC, gRPC-Web and Connect", () => {
  test.each([
    ["application/grpc", envelope(message), []],
    ["application/grpc+proto", envelope(gzipSync(message), 1), [["grpc-encoding", "gzip"]]],
    ["application/connect+proto", envelope(gzipSync(message), 1), [["connect-content-encoding", "gzip"]]],
    ["application/grpc-web-text", Buffer.from(envelope(message).toString("base64")), []],
  ] as const)("%s is unwrapped", (type, bytes, fields) => {
    const decoded = decodeBody(wholeBody(bytes), [["content-type", type], ...fields]);
    expect(decoded).toEqual({
      kind: "stream",
      format: "length_prefixed",
      chunks: [{ data: structure }],
      truncated: false,
    });
  });

  test("Connect's JSON is JSON, and its end is told apart", () => {
    const bytes = Buffer.concat([
      envelope(Buffer.from('{"a":1}')),
      envelope(Buffer.from('{"metadata":{}}'), 2),
    ]);
    const decoded = decodeBody(wholeBody(bytes), [["content-type", "application/connect+json"]]);
    expect(decoded).toMatchObject({ chunks: [{ data: { a: 1 } }, { event: "end", data: { metadata: {} } }] });
  });

  test("a single message is its structure, a message cut off is not read", () => {
    expect(rawOf(decodeBody(wholeBody(message), [["content-type", "application/proto"]]))).toEqual(structure);
    const cut = Buffer.concat([envelope(message), envelope(message).subarray(0, 9)]);
    expect(decodeBody(wholeBody(cut), [["content-type", "application/grpc"]])).toMatchObject({
      chunks: [{ data: structure }],
      truncated: true,
    });
  });
});
