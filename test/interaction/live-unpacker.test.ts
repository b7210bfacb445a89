import { once } from "node:events";
import {
  brotliCompressSync,
  createBrotliCompress,
  createDeflate,
  createDeflateRaw,
  createGzip,
  gzipSync,
} from "node:zlib";
import { describe, expect, test } from "vitest";
import { MemoryBudget } from "../../src/exchange/body.js";
import { LiveUnpacker } from "../../src/interaction/live-unpacker.js";

const MESSAGES = ["data: 1\n\n", `data: ${"long ".repeat(20_000)}\n\n`, "data: grün\n\n", "data: 1\n\n"];

/** What a server sends for each message, and at the end: it flushes after each, as one must whose client is to read. */
async function packed(create: typeof createGzip | typeof createBrotliCompress): Promise<Buffer[]> {
  const stream = create();
  const sent: Buffer[] = [];
  const taken = () => Buffer.concat(sent.splice(0));
  stream.on("data", (bytes: Buffer) => sent.push(bytes));
  const pieces: Buffer[] = [];
  for (const message of MESSAGES) {
    stream.write(message);
    await new Promise<void>((resolve) => stream.flush(resolve));
    pieces.push(taken());
  }
  stream.end();
  await once(stream, "end");
  return [...pieces, taken()];
}

/** Frames and blocks of zstd that pack nothing (RFC 8878 §3.1.1.2), for want of a compressor on Node 20. */
const zstdHeader = (window: number) => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, window << 3]);
function zstdBlock(content: Buffer, isLast = false): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((content.length << 3) | Number(isLast), 0, 3);
  return Buffer.concat([header, content]);
}
/** 128 KB of one byte (RLE_Block). */
const zstdRun = Buffer.from([0x02, 0x00, 0x10, 0x7b]);
const zstd = MESSAGES.map((message, at) =>
  Buffer.concat([at === 0 ? zstdHeader(11) : Buffer.alloc(0), zstdBlock(Buffer.from(message))]),
);
const zstdFrames = MESSAGES.map((message) =>
  Buffer.concat([zstdHeader(11), zstdBlock(Buffer.from(message), true)]),
);

const STREAMS: readonly (readonly [string, Buffer[]])[] = [
  ["gzip", await packed(createGzip)],
  ["deflate", await packed(createDeflate)],
  ["deflate", await packed(createDeflateRaw)],
  ["br", await packed(createBrotliCompress)],
  ["zstd", zstd],
  ["zstd", zstdFrames],
];

const largest = () => new MemoryBudget(64 << 20);

describe.each(STREAMS)("a stream in %s", (coding, pieces) => {
  test("gives each message when its bytes have come", () => {
    const unpacker = LiveUnpacker.of([coding], pieces[0]!, largest())!;
    const given = pieces.map((piece) => Buffer.from(unpacker.push(piece)!).toString());
    unpacker.close();
    expect(given.slice(0, MESSAGES.length)).toEqual(MESSAGES);
    expect(given.slice(MESSAGES.length).join("")).toBe("");
  });

  test("gives the same when it comes byte by byte, in memory that is used again", () => {
    const bytes = Buffer.concat(pieces);
    const unpacker = LiveUnpacker.of([coding], bytes.subarray(0, 1), largest())!;
    const one = Buffer.alloc(1);
    const given = [...bytes].map((byte) => {
      one[0] = byte;
      return Buffer.from(unpacker.push(one)!);
    });
    unpacker.close();
    expect(Buffer.concat(given).toString()).toBe(MESSAGES.join(""));
  });

  test("tells damage, once what came before it was given", () => {
    const unpacker = LiveUnpacker.of([coding], pieces[0]!, largest())!;
    expect(Buffer.from(unpacker.push(pieces[0]!)!).toString()).toBe(MESSAGES[0]);
    expect(unpacker.push(Buffer.alloc(4_096, 0xff))).toBeUndefined();
    unpacker.close();
  });
});

describe("a bomb is told before it has come to much", () => {
  test.each([
    ["gzip", gzipSync(Buffer.alloc(64 << 20))],
    ["br", brotliCompressSync(Buffer.alloc(64 << 20))],
    ["zstd", Buffer.concat([zstdHeader(11), ...Array(500).fill(zstdRun)])],
    ["zstd", zstdHeader(14)],
    ["zstd", Buffer.concat([zstd[0]!, zstdBlock(Buffer.alloc(0), true), zstdHeader(20)])],
    // Fifty thousand blocks of nothing, for each of which 8 MiB are moved.
    ["zstd", Buffer.concat([zstdHeader(13), ...Array(50_000).fill(zstdBlock(Buffer.alloc(0)))])],
  ])("%s", (coding, bytes) => {
    const unpacker = LiveUnpacker.of([coding], bytes, largest())!;
    let made = 0;
    let isRefused = false;
    for (let at = 0; at < bytes.length && !isRefused; at += 4_096) {
      const given = unpacker.push(bytes.subarray(at, at + 4_096));
      made += given?.length ?? 0;
      isRefused = given === undefined;
    }
    unpacker.close();
    expect(isRefused).toBe(true);
    expect(made).toBeLessThanOrEqual(Math.max(256 << 10, bytes.length * 128));
  });
});

describe("is left for the end", () => {
  test.each([
    ["what is packed twice", ["gzip", "br"]],
    ["a coding that is not known", ["compress"]],
  ])("%s", (_, codings) => {
    expect(LiveUnpacker.of(codings, Buffer.from("x"), largest())).toBeUndefined();
  });

  test("what would keep more than all together may, until others have ended", () => {
    const [start] = STREAMS[3]![1];
    const budget = new MemoryBudget(8 << 20);
    const [one, two] = [LiveUnpacker.of(["br"], start!, budget)!, LiveUnpacker.of(["br"], start!, budget)!];
    expect(LiveUnpacker.of(["br"], start!, budget)).toBeUndefined();
    one.close();
    const three = LiveUnpacker.of(["br"], start!, budget)!;
    expect(Buffer.from(three.push(start!)!).toString()).toBe(MESSAGES[0]);
    for (const unpacker of [two, three]) unpacker.close();
  });
});
