import { describe, expect, it } from "vitest";
import { type ConnectionOptions, createConnectionReader } from "../../src/exchange/connection.js";
import { FLAG, GET, headers, OPENING, ok, SETTINGS } from "./http2-bytes.js";
import { createReport, LIMITS, play, type Report, type Step, summary } from "./recording.js";

function read(steps: readonly Step[], options: Partial<ConnectionOptions> = {}): Report {
  const report = createReport();
  const reader = createConnectionReader({ scheme: "http", limits: LIMITS, ...options }, report.handlers);
  reader.close("ended", play(reader, steps));
  return report;
}

/** One byte after the other, directions in turn as given. */
function byteByByte(steps: readonly Step[]): Step[] {
  return steps.flatMap(([direction, bytes]) =>
    [...Buffer.from(bytes as string, "latin1")].map((byte): Step => [direction, Buffer.of(byte)]),
  );
}

const HTTP1: Step[] = [
  ["request", "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"],
  ["response", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"],
];
const HTTP2: Step[] = [...OPENING, ["request", headers(1, GET, FLAG.end)], ["response", ok(1)]];

describe("a connection without ALPN", () => {
  it.each([
    ["HTTP/1", HTTP1, "http/1.1", "POST / x> 200 ok"],
    ["HTTP/2", HTTP2, "h2", "GET / > 200 ok"],
  ])("is read as %s by its first bytes", (_name, steps, protocol, expected) => {
    for (const played of [steps, byteByByte(steps)]) {
      const report = read(played);
      expect(report.gaveUp).toEqual([]);
      expect(report.exchanges.map(summary)).toEqual([expected]);
      expect(report.exchanges[0]?.protocol).toBe(protocol);
    }
  });

  it("may begin with the settings of an HTTP/2 server", () => {
    expect(read([...OPENING].reverse().concat(HTTP2.slice(2))).exchanges.map(summary)).toEqual([
      "GET / > 200 ok",
    ]);
  });

  it("is not read when the server speaks first and on", () => {
    expect(read([["response", "x".repeat(20_000)]]).gaveUp).toEqual([
      { reason: "server_speaks_first", protocol: "unknown" },
    ]);
  });

  it("that never says anything reports nothing", () => {
    const report = read([]);
    expect([report.exchanges, report.gaveUp]).toEqual([[], []]);
  });
});

describe("a connection with ALPN", () => {
  it("is read as what was agreed on", () => {
    expect(read(HTTP2, { protocol: "h2" }).exchanges).toHaveLength(1);
    expect(read(HTTP1, { protocol: "http/1.1" }).exchanges).toHaveLength(1);
    expect(read(HTTP1, { protocol: "h2" }).gaveUp[0]?.reason).toBe("h2_bad_preface");
  });
});

describe("an upgrade to h2c", () => {
  const upgrade: Step[] = [
    [
      "request",
      "POST /u HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
        "HTTP2-Settings: AAEAACAA\r\nContent-Length: 4\r\n\r\nbody",
    ],
    ["response", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"],
    ["response", Buffer.concat([SETTINGS, ok(1, "first")])],
    ["request", OPENING[0]![1]],
    ["request", headers(3, GET, FLAG.end)],
    ["response", ok(3, "second")],
  ];

  it("goes on as HTTP/2, the request as stream 1", () => {
    for (const played of [upgrade, byteByByte(upgrade)]) {
      const report = read(played);
      expect(report.gaveUp).toEqual([]);
      expect(report.exchanges.map(summary)).toEqual(["POST /u body> 200 first", "GET / > 200 second"]);
      expect(report.exchanges.map(({ protocol, streamId }) => [protocol, streamId])).toEqual([
        ["h2", 1],
        ["h2", 3],
      ]);
    }
  });

  it("is unknown on https", () => {
    expect(read(upgrade, { scheme: "https" }).exchanges.map(summary)).toEqual(["POST /u body> 101 "]);
  });
});

describe("every reader", () => {
  it("is silent after close, and survives a handler that throws", () => {
    const report = createReport();
    const reader = createConnectionReader(
      { scheme: "http", limits: LIMITS },
      {
        ...report.handlers,
        onExchange: () => {
          throw new Error("handler");
        },
      },
    );
    play(reader, HTTP1);
    expect(report.gaveUp).toEqual([{ reason: "reader_failed", protocol: "http/1.1" }]);
    reader.close("ended", 9);
    reader.push("request", Buffer.from("x"), 10);
    reader.end("request", 11);
    expect(report.gaveUp).toHaveLength(1);
  });
});
