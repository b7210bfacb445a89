import { constants, createDeflateRaw, type DeflateRaw } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Direction } from "../../src/connection/direction.js";
import { createConnectionReader } from "../../src/exchange/connection.js";
import type { ReaderLimits } from "../../src/exchange/exchange.js";
import { createReport, LIMITS, play, type Report, type Step } from "./recording.js";

const FIN = 0x80;
const RSV1 = 0x40;
const MASK = Buffer.from([0x11, 0x22, 0x33, 0x44]);

/** A frame as that side sends it: the client masks. */
function frame(direction: Direction, first: number, payload: Uint8Array | string = ""): Step {
  const data = Buffer.from(payload as string, "latin1");
  const masked = direction === "request";
  const head: number[] = [first];
  const bit = masked ? 0x80 : 0;
  if (data.length < 126) head.push(bit | data.length);
  else head.push(bit | 126, data.length >> 8, data.length & 0xff);
  if (!masked) return [direction, Buffer.concat([Buffer.from(head), data])];
  return [direction, Buffer.concat([Buffer.from(head), MASK, data.map((byte, i) => byte ^ MASK[i & 3]!)])];
}

function open(extensions?: string): Step[] {
  const field = extensions === undefined ? "" : `Sec-WebSocket-Extensions: ${extensions}\r\n`;
  return [
    ["request", "GET /live?a=1 HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"],
    [
      "response",
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n${field}\r\n`,
    ],
  ];
}

type Cause = "ended" | "client_aborted" | "server_closed";

function read(steps: readonly Step[], close: Cause = "ended", limits: ReaderLimits = LIMITS): Report {
  const report = createReport();
  const reader = createConnectionReader({ protocol: "http/1.1", scheme: "https", limits }, report.handlers);
  reader.close(close, play(reader, steps));
  return report;
}

function texts(report: Report): string[] {
  expect(report.gaveUp).toEqual([]);
  expect(report.exchanges).toHaveLength(1);
  return report.exchanges[0]!.messages!.map(
    (m) => `${m.direction} ${m.kind} ${m.data.toString("latin1")}${m.truncated ? "…" : ""}`,
  );
}

const closeBoth = [frame("request", FIN | 8, "\u0003\u00e8"), frame("response", FIN | 8, "\u0003\u00e8")];

/** Compresses as an endpoint with context takeover does: one stream, flushed at each message. */
async function compress(stream: DeflateRaw, text: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const collect = (chunk: Buffer): void => void chunks.push(chunk);
  stream.on("data", collect);
  stream.write(text);
  await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve));
  stream.off("data", collect);
  return Buffer.concat(chunks).subarray(0, -4);
}

describe("a WebSocket", () => {
  it("is one exchange with its messages, reported when both sides have closed", () => {
    const report = read(
      [
        ...open(),
        frame("request", FIN | 1, "hello"),
        frame("response", FIN | 2, "\u0001\u0002"),
        ...closeBoth,
      ],
      "server_closed",
    );
    expect(texts(report)).toEqual(["request text hello", "response binary \u0001\u0002"]);
    expect(report.exchanges[0]).toMatchObject({
      protocol: "websocket",
      error: undefined,
      startedAt: 1,
      endedAt: 6,
      request: { method: "GET", path: "/live?a=1", authority: "a", body: { length: 5, truncated: false } },
      response: { status: 101, body: { length: 2 } },
      messages: [{ time: 3 }, { time: 4 }],
    });
    expect(report.messages.map(({ message }) => message)).toEqual(report.exchanges[0]?.messages);
  });

  it("joins fragments, with control frames between them", () => {
    const report = read([
      ...open(),
      frame("request", 1, "a"),
      frame("request", FIN | 9, "ping"),
      frame("request", 0, ""),
      frame("response", FIN | 10, "pong"),
      frame("request", FIN | 0, "b"),
      ...closeBoth,
    ]);
    expect(texts(report)).toEqual(["request text ab"]);
  });

  it("may send its first frame together with the handshake", () => {
    const [request, response] = open();
    const first = frame("response", FIN | 1, "now")[1] as Buffer;
    const together = Buffer.concat([Buffer.from(response![1] as string), first]);
    expect(texts(read([request!, ["response", together], ...closeBoth]))).toEqual(["response text now"]);
  });

  it.each([
    ["with context takeover", "permessage-deflate", true],
    ["without", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", false],
  ])("may be compressed %s", async (_name, extensions, keepsContext) => {
    const words = ["hello hello hello", "x".repeat(70_000), "hello hello hello", "", "hello"];
    const steps: Step[] = [];
    for (const direction of ["request", "response"] as const) {
      let stream = createDeflateRaw();
      for (const word of words) {
        steps.push(frame(direction, FIN | RSV1 | 1, await compress(stream, word)));
        if (!keepsContext) stream = createDeflateRaw();
      }
      steps.push(frame(direction, FIN | 1, "plain"));
    }
    const expected = [...words, "plain"];
    expect(texts(read([...open(extensions), ...steps, ...closeBoth]))).toEqual(
      ["request", "response"].flatMap((direction) => expected.map((word) => `${direction} text ${word}`)),
    );
  });

  it("is bounded when a message inflates beyond the limit, and loses what builds on it", async () => {
    const stream = createDeflateRaw();
    const steps: Step[] = [];
    for (const word of ["before", "x".repeat(200_000), "after"]) {
      steps.push(frame("response", FIN | RSV1 | 1, await compress(stream, word)));
    }
    const limits = { ...LIMITS, maxBody: 100_000 };
    const report = read(
      [...open("permessage-deflate"), ...steps, frame("response", FIN | 1, "plain")],
      "ended",
      limits,
    );
    expect(texts(report)).toEqual([
      "response text before",
      "response text …",
      "response text …",
      "response text plain",
    ]);
  });

  it("keeps the first and the last messages of a long dialogue", () => {
    const steps = Array.from({ length: 50 }, (_, i) => frame("response", FIN | 1, `m${i}`.padEnd(36)));
    const limits = { ...LIMITS, maxBody: 300, maxTail: 200 };
    const report = read([...open(), ...steps, ...closeBoth], "ended", limits);
    expect(texts(report).map((text) => text.trim().split(" ")[2])).toEqual(["m0", "m1", "m2", "m48", "m49"]);
    expect(report.exchanges[0]?.response?.body).toMatchObject({ length: 1800, truncated: true });
    expect(report.messages).toHaveLength(50);
  });

  it("cuts a message that is longer than a body may be", () => {
    const limits = { ...LIMITS, maxBody: 100 };
    const report = read(
      [...open(), frame("request", FIN | 1, "x".repeat(1000)), ...closeBoth],
      "ended",
      limits,
    );
    expect(report.messages[0]?.message).toMatchObject({
      data: Buffer.from("x".repeat(100)),
      truncated: true,
    });
  });

  it("without a Close on either side says who left", () => {
    const report = read([...open(), frame("request", FIN | 1, "a")], "client_aborted");
    expect(report.exchanges).toMatchObject([{ error: "client_aborted" }]);
    const closed = read([...open(), frame("response", FIN | 8)], "client_aborted");
    expect(closed.exchanges).toMatchObject([{ error: undefined }]);
  });

  it.each([
    ["compression that nobody agreed on", frame("request", FIN | RSV1 | 1, "a"), "websocket_reserved_bits"],
    ["an unknown opcode", frame("request", FIN | 3, "a"), "websocket_bad_opcode"],
    ["a continuation of nothing", frame("request", FIN | 0, "a"), "websocket_bad_fragment"],
    ["a fragmented ping", frame("request", 9, "a"), "websocket_bad_control"],
    ["a long ping", frame("request", FIN | 9, "a".repeat(200)), "websocket_bad_control"],
    [
      "a length beyond 2^53",
      ["response", "\u0081\u007f\u00ff\0\0\0\0\0\0\0"] as Step,
      "websocket_bad_length",
    ],
  ])("cannot be read with %s", (_name, step, reason) => {
    const report = read([...open(), step, step]);
    expect(report.gaveUp).toEqual([{ reason, protocol: "websocket" }]);
    expect(report.exchanges).toMatchObject([{ protocol: "websocket", error: "capture_lost" }]);
  });

  it("cannot be read with an unknown extension, or what is not deflate", () => {
    expect(read(open("x-webkit-deflate-frame")).gaveUp[0]?.reason).toBe("websocket_unknown_extension");
    const garbage = frame("request", FIN | RSV1 | 1, "\u0007garbage");
    expect(read([...open("permessage-deflate"), garbage]).gaveUp[0]?.reason).toBe("websocket_bad_deflate");
  });
});
