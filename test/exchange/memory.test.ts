import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { createConnectionReader } from "../../src/exchange/connection.js";
import type { ConnectionReader } from "../../src/exchange/exchange.js";
import { block, data, FLAG, frame, headers, OPENING, POST } from "./http2-bytes.js";
import { createReport, LIMITS, play } from "./recording.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const MIB = 1 << 20;
const PIECE = Buffer.alloc(MIB, "x");

function usedMemory(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Pushes `count` pieces one after the other. */
function flood(
  pieces: (i: number) => Uint8Array,
  count: number,
  direction: "request" | "response" = "request",
) {
  return (reader: ConnectionReader): void => {
    for (let i = 0; i < count; i++) reader.push(direction, pieces(i), i);
  };
}

const webSocketHandshake =
  "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n|HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n";
const binaryFragment = Buffer.concat([Buffer.from([0x00, 0x7f, 0, 0, 0, 0, 0, 0x10, 0, 0]), PIECE]);
const streamOf = (i: number) => 2 * i + 1;

describe("one connection holds at most what its limits say, however long it", () => {
  it.each([
    ["sends a body", "POST / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", flood(() => PIECE, 256), 20],
    ["sends a head", "GET / HTTP/1.1\r\nX: ", flood(() => PIECE, 64), 2],
    [
      "sends a chunk's extension",
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;",
      flood(() => PIECE, 64),
      2,
    ],
    [
      "sends chunks of one byte",
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
      flood(() => Buffer.from("1\r\nx\r\n".repeat(100_000)), 16),
      20,
    ],
    [
      "pipelines requests without an answer",
      "",
      flood(() => Buffer.from(`GET / HTTP/1.1\r\nX: ${"x".repeat(200_000)}\r\n\r\n`), 512),
      40,
    ],
    [
      "sends fragments of a WebSocket message",
      webSocketHandshake,
      flood((i) => (i ? binaryFragment : Buffer.from([2, 0])), 128),
      20,
    ],
    [
      "sends empty WebSocket messages",
      webSocketHandshake,
      flood(() => Buffer.from("\x82\0".repeat(50_000), "latin1"), 3),
      40,
    ],
  ])("%s", async (_name, opening, attack, mib) => {
    const report = createReport();
    const reader = createConnectionReader(
      { protocol: "http/1.1", scheme: "http", limits: LIMITS },
      { ...report.handlers, onMessage: undefined },
    );
    const [request, response] = opening.split("|");
    play(reader, [["request", request!], ...(response ? [["response", response] as const] : [])]);
    const before = usedMemory();
    attack(reader);
    // Buffers that were given up are freed a moment later, by another thread.
    await expect.poll(() => (usedMemory() - before) / MIB, { timeout: 5_000 }).toBeLessThan(mib);
    reader.close("ended", 1);
  });

  it.each([
    ["opens streams", flood((i) => headers(streamOf(i), { ...POST, a: "x".repeat(100) }), 10_000), 40],
    [
      "fills 500 streams",
      flood((i) => Buffer.concat([headers(streamOf(i), POST), data(streamOf(i), "x".repeat(MIB / 2))]), 500),
      90,
    ],
    ["continues a field block", flood((i) => frame(i === 0 ? 1 : 9, 0, 1, block(POST)), 100_000), 2],
    ["continues it with nothing", flood((i) => frame(i === 0 ? 1 : 9, 0, 1), 100_000), 2],
    ["sends frames of unknown types", flood(() => frame(77, 0, 1, PIECE), 64), 2],
    ["sends a large frame of fields", flood(() => frame(1, FLAG.endHeaders, 1, PIECE), 64), 2],
  ])("%s on HTTP/2", async (_name, attack, mib) => {
    const report = createReport();
    const reader = createConnectionReader(
      { protocol: "h2", scheme: "http", limits: LIMITS },
      report.handlers,
    );
    play(reader, OPENING);
    const before = usedMemory();
    attack(reader);
    // Buffers that were given up are freed a moment later, by another thread.
    await expect.poll(() => (usedMemory() - before) / MIB, { timeout: 5_000 }).toBeLessThan(mib);
    reader.close("ended", 1);
  });
});
