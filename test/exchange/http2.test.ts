import { describe, expect, it } from "vitest";
import type { ReaderLimits } from "../../src/exchange/exchange.js";
import { createHttp2Reader } from "../../src/exchange/http2.js";
import { block, data, FLAG, frame, GET, headers, OPENING, ok, POST } from "./http2-bytes.js";
import { createReport, LIMITS, play, type Report, type Step, summary } from "./recording.js";

function read(
  steps: readonly Step[],
  close: "ended" | "client_aborted" | "server_closed" = "ended",
  limits: ReaderLimits = LIMITS,
): Report {
  const report = createReport();
  const reader = createHttp2Reader({ limits }, report.handlers);
  reader.close(close, play(reader, [...OPENING, ...steps]));
  return report;
}

function summaries(steps: readonly Step[], close?: "client_aborted" | "server_closed"): string[] {
  const report = read(steps, close);
  expect(report.gaveUp).toEqual([]);
  return report.exchanges.map((exchange) => `${exchange.streamId} ${summary(exchange)}`);
}

/** An extended CONNECT (RFC 8441). */
const CONNECT = {
  ":method": "CONNECT",
  ":protocol": "websocket",
  ":scheme": "https",
  ":path": "/ws",
  ":authority": "a",
};

describe("an HTTP/2 stream", () => {
  it("is whole when the client leaves with all announced bytes, before the frame that ends the stream", () => {
    const { exchanges } = read(
      [
        ["request", headers(1, GET, FLAG.end), 10],
        ["response", headers(1, { ":status": "200", "content-length": "3" }), 20],
        ["response", data(1, "xyz"), 30],
      ],
      "client_aborted",
    );
    expect(exchanges[0]?.error).toBeUndefined();
    expect(exchanges[0]?.response?.body.head.toString()).toBe("xyz");
  });

  it("is an exchange, with its times and fields", () => {
    const { exchanges } = read([
      ["request", headers(1, POST), 10],
      ["request", data(1, "ab"), 11],
      ["request", data(1, "cd", FLAG.end), 12],
      ["response", headers(1, { ":status": "200", b: "2" }), 20],
      ["response", data(1, "xyz"), 30],
      ["response", headers(1, { "grpc-status": "0" }, FLAG.end), 31],
    ]);
    expect(exchanges).toEqual([
      {
        protocol: "h2",
        streamId: 1,
        startedAt: 10,
        requestEndedAt: 12,
        responseStartedAt: 20,
        endedAt: 31,
        request: {
          method: "POST",
          path: "/",
          authority: "a",
          fields: [["x-a", "1"]],
          trailers: [],
          body: { head: Buffer.from("abcd"), length: 4, truncated: false },
        },
        response: {
          status: 200,
          fields: [["b", "2"]],
          trailers: [["grpc-status", "0"]],
          body: { head: Buffer.from("xyz"), length: 3, truncated: false },
        },
      },
    ]);
  });

  it("may be interleaved with others, and split into frames anywhere", () => {
    const parts = block(POST);
    expect(
      summaries([
        ["request", Buffer.concat([headers(1, POST), headers(3, GET, FLAG.end), data(1, "a")])],
        [
          "request",
          frame(
            1,
            FLAG.padded | FLAG.priority,
            5,
            Buffer.concat([Buffer.from([3, 0, 0, 0, 1, 9]), parts.subarray(0, 7), Buffer.alloc(3)]),
          ),
        ],
        [
          "request",
          Buffer.concat([
            frame(9, 0, 5, parts.subarray(7, 8)),
            frame(9, FLAG.endHeaders, 5, parts.subarray(8)),
          ]),
        ],
        ["response", Buffer.concat([ok(3), headers(1, { ":status": "200" }), data(1, "x")])],
        ["request", frame(0, FLAG.padded | FLAG.end, 5, "\u0002b\0\0")],
        ["response", ok(5)],
        ["request", data(1, "", FLAG.end)],
        ["response", data(1, "y", FLAG.end)],
      ]),
    ).toEqual(["3 GET / > 200 ok", "5 POST / b> 200 ok", "1 POST / a> 200 xy"]);
  });

  it("skips interim responses", () => {
    expect(
      summaries([
        ["request", headers(1, GET, FLAG.end)],
        ["response", Buffer.concat([headers(1, { ":status": "103" }), ok(1)])],
      ]),
    ).toEqual(["1 GET / > 200 ok"]);
  });

  it("that was reset says so, by either side", () => {
    expect(
      summaries([
        ["request", Buffer.concat([headers(1, GET, FLAG.end), headers(3, GET, FLAG.end)])],
        ["response", headers(1, { ":status": "200" })],
        ["request", frame(3, 0, 1, "\0\0\0\b")],
        ["response", Buffer.concat([data(1, "late"), frame(3, 0, 3, "\0\0\0\b")])],
      ]),
    ).toEqual(["1 GET / > 200  !stream_reset", "3 GET / > - !stream_reset"]);
  });

  it("is whole when the server answered and then refused the rest of the request", () => {
    expect(
      summaries([
        ["request", Buffer.concat([headers(1, POST), data(1, "part")])],
        ["response", Buffer.concat([ok(1, "no"), frame(3, 0, 1, "\0\0\0\0")])],
      ]),
    ).toEqual(["1 POST / part> 200 no"]);
  });

  it("that a GOAWAY leaves out is over, the others go on", () => {
    expect(
      summaries([
        ["request", Buffer.concat([headers(1, GET, FLAG.end), headers(3, GET, FLAG.end)])],
        ["response", frame(7, 0, 0, "\0\0\0\u0001\0\0\0\0")],
        ["response", ok(1)],
      ]),
    ).toEqual(["3 GET / > - !stream_reset", "1 GET / > 200 ok"]);
  });

  it("may be pushed by the server", () => {
    expect(
      summaries([
        ["request", headers(1, GET, FLAG.end)],
        [
          "response",
          frame(
            5,
            FLAG.endHeaders,
            1,
            Buffer.concat([Buffer.from([0, 0, 0, 2]), block({ ...GET, ":path": "/p" })]),
          ),
        ],
        ["response", Buffer.concat([ok(1), ok(2, "pushed")])],
      ]),
    ).toEqual(["1 GET / > 200 ok", "2 GET /p > 200 pushed"]);
  });

  it("that is open when the connection closes is reported", () => {
    expect(
      summaries([["request", Buffer.concat([headers(1, GET, FLAG.end), headers(3, POST)])]], "server_closed"),
    ).toEqual(["1 GET / > - !server_closed", "3 POST / > - !server_closed"]);
  });

  it("gives its gRPC messages while it lives, and its body at the end", () => {
    const grpc = { ...POST, "content-type": "application/grpc+proto" };
    const report = read([
      ["request", Buffer.concat([headers(1, grpc), data(1, "\0\0\0")]), 1],
      ["request", data(1, "\0\u0003abc\0\0\0\0\0\0\0\0\0\u0009d"), 2],
      ["response", headers(1, { ":status": "200", "content-type": "application/grpc" }), 3],
      ["response", data(1, "\0\0\0\0\u0001x"), 4],
    ]);
    expect(report.messages.map(({ message: m }) => [m.direction, m.time, m.kind, m.data.toString()])).toEqual(
      [
        ["request", 2, "binary", "abc"],
        ["request", 2, "binary", ""],
        ["response", 4, "binary", "x"],
      ],
    );
    expect(report.messages[0]?.exchange).toMatchObject({ streamId: 1, response: undefined });
    expect(report.exchanges).toMatchObject([{ error: "server_closed", response: { status: 200 } }]);
  });

  it("that carries a WebSocket gives its messages (RFC 8441)", () => {
    const report = read([
      ["request", headers(1, CONNECT)],
      ["response", headers(1, { ":status": "200" })],
      ["request", data(1, "\u0081\u0082\u0001\u0002\u0003\u0004ik")],
      ["response", data(1, "\u0081\u0002yo\u0088\0")],
      ["request", data(1, "\u0088\u0080\0\0\0\0")],
    ]);
    expect(report.gaveUp).toEqual([]);
    expect(report.exchanges).toMatchObject([
      {
        protocol: "websocket",
        streamId: 1,
        error: undefined,
        request: { path: "/ws" },
        response: { status: 200 },
      },
    ]);
    expect(report.exchanges[0]?.messages?.map((m) => `${m.direction} ${m.data}`)).toEqual([
      "request hi",
      "response yo",
    ]);
  });

  it("that carries a broken WebSocket leaves the others alone", () => {
    expect(
      summaries([
        ["request", Buffer.concat([headers(1, CONNECT), headers(3, GET, FLAG.end)])],
        ["response", headers(1, { ":status": "200" })],
        ["request", data(1, "\u00f1\u0000")],
        ["response", ok(3)],
      ]),
    ).toEqual(["1 CONNECT /ws > 200  !capture_lost", "3 GET / > 200 ok"]);
  });
});

describe("the HTTP/2 reader", () => {
  it("shares its memory among the streams and says what it cut", () => {
    const limits = { maxBody: 100, maxTail: 10, maxHeader: 1000 };
    const ids = Array.from({ length: 20 }, (_, i) => 2 * i + 1);
    const { exchanges } = read(
      ids.map((id): Step => ["request", Buffer.concat([headers(id, POST), data(id, "x".repeat(200))])]),
      "ended",
      limits,
    );
    const kept = exchanges.reduce(
      (sum, { request }) => sum + request.body.head.length + (request.body.tail?.length ?? 0),
      0,
    );
    expect(kept).toBeLessThanOrEqual(8 * 110);
    expect(exchanges.map(({ request }) => [request.body.length, request.body.truncated])).toEqual(
      ids.map(() => [200, true]),
    );
  });

  it.each([
    ["no preface", [["request", "GET / HTTP/1.1\r\n\r\n"]] as Step[], "h2_bad_preface"],
    ["an HTTP/1 answer", [["response", "HTTP/1.1 400 Bad Request\r\n\r\n"]] as Step[], "h2_no_settings"],
  ])("gives up on %s", (_name, steps, reason) => {
    const report = createReport();
    const reader = createHttp2Reader({ limits: LIMITS }, report.handlers);
    play(reader, steps);
    expect(report.gaveUp).toEqual([{ reason, protocol: "h2" }]);
  });

  it.each([
    [
      "a frame within a field block",
      Buffer.concat([frame(1, 0, 1, block(GET)), data(1, "x")]),
      "h2_bad_continuation",
    ],
    [
      "a skipped frame within it",
      Buffer.concat([frame(1, 0, 1, block(GET)), frame(6, 0, 0, "12345678")]),
      "h2_bad_continuation",
    ],
    ["a continuation of nothing", frame(9, 4, 1, block(GET)), "h2_bad_continuation"],
    [
      "a continuation of another stream",
      Buffer.concat([frame(1, 0, 1), frame(9, 4, 3)]),
      "h2_bad_continuation",
    ],
    ["more padding than frame", frame(0, FLAG.padded, 1, "\u0003ab"), "h2_bad_padding"],
    ["padding without length", frame(0, FLAG.padded, 1), "h2_bad_padding"],
    ["more padding than headers", frame(1, FLAG.padded | 4, 1, "\u0009ab"), "h2_bad_padding"],
    [
      "a field block that is too long",
      Buffer.concat([frame(1, 0, 1, "a".repeat(200_000)), frame(9, 4, 1, "a".repeat(200_000))]),
      "h2_head_too_large",
    ],
    ["a frame of 1 MiB", frame(1, 4, 1, "a".repeat(1 << 20)), "h2_frame_too_large"],
    ["broken HPACK", frame(1, 4, 1, "\u00ff"), "hpack_cut_short"],
    ["a short RST_STREAM", frame(3, 0, 1, "ab"), "h2_bad_frame_size"],
    ["a short GOAWAY", frame(7, 0, 0, "ab"), "h2_bad_frame_size"],
    ["half a setting", frame(4, 0, 0, "abc"), "h2_bad_frame_size"],
  ])("gives up on %s, and reports what was open", (_name, bytes, reason) => {
    const report = read([
      ["request", Buffer.concat([headers(101, GET)])],
      ["request", bytes],
      ["request", bytes],
    ]);
    expect(report.gaveUp).toEqual([{ reason, protocol: "h2" }]);
    expect(report.exchanges.map(summary)).toContain("GET / > - !capture_lost");
  });
});
