import { describe, expect, it } from "vitest";
import type { ReaderLimits } from "../../src/exchange/exchange.js";
import { createHttp1Reader } from "../../src/exchange/http1.js";
import { createReport, LIMITS, play, type Report, type Step, summary } from "./recording.js";

type Close = "ended" | "client_aborted" | "server_closed" | "capture_lost";

function read(steps: readonly Step[], close: Close = "ended", limits: ReaderLimits = LIMITS): Report {
  const report = createReport();
  const reader = createHttp1Reader({ scheme: "https", limits }, report.handlers);
  const now = play(reader, steps);
  reader.close(close, now);
  return report;
}

function summaries(steps: readonly Step[], close?: Close): string[] {
  const report = read(steps, close);
  expect(report.gaveUp).toEqual([]);
  return report.exchanges.map(summary);
}

function reasons(steps: readonly Step[]): string[] {
  return read(steps).gaveUp.map(({ reason }) => reason);
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("an HTTP/1 exchange", () => {
  it("is reported with head, bodies and times as they passed", () => {
    const { exchanges } = read([
      ["request", "POST /v1/chat?x=1 HTTP/1.1\r\nHost: api.openai.com\r\nX-CASE:  v \r\n", 10],
      ["request", "Content-Length: 4\r\n\r\nab", 11],
      ["request", "cd", 12],
      ["response", "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 3\r\n\r\n", 20],
      ["response", "xyz", 30],
    ]);
    expect(exchanges).toEqual([
      {
        protocol: "http/1.1",
        startedAt: 10,
        requestEndedAt: 12,
        responseStartedAt: 20,
        endedAt: 30,
        request: {
          method: "POST",
          path: "/v1/chat?x=1",
          authority: "api.openai.com",
          fields: [
            ["Host", "api.openai.com"],
            ["X-CASE", "v"],
            ["Content-Length", "4"],
          ],
          trailers: [],
          body: { head: Buffer.from("abcd"), length: 4, truncated: false },
        },
        response: {
          status: 200,
          fields: [
            ["Set-Cookie", "a"],
            ["set-cookie", "b"],
            ["Content-Length", "3"],
          ],
          trailers: [],
          body: { head: Buffer.from("xyz"), length: 3, truncated: false },
        },
      },
    ]);
  });

  it("follows another on the same connection", () => {
    expect(
      summaries([
        ["request", GET],
        ["response", OK],
        ["request", "POST /b HTTP/1.1\r\nContent-Length: 1\r\n\r\nB"],
        ["response", OK],
      ]),
    ).toEqual(["GET / > 200 ok", "POST /b B> 200 ok"]);
  });

  it("is paired in order when requests are pipelined", () => {
    const posts = ["1", "2", "3"].map((n) => `POST /${n} HTTP/1.1\r\nContent-Length: 1\r\n\r\n${n}`);
    expect(
      summaries([
        ["request", posts.join("")],
        ["response", OK + OK],
        ["response", OK],
      ]),
    ).toEqual(["POST /1 1> 200 ok", "POST /2 2> 200 ok", "POST /3 3> 200 ok"]);
  });

  it("may be chunked both ways, with extensions and trailers", () => {
    const { exchanges } = read([
      [
        "request",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\nA \r\n0123456789\r\n0\r\n\r\n",
      ],
      [
        "response",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n000\r\nGrpc-Status: 0\r\nB:\r\n\r\n",
      ],
      ["request", GET],
      ["response", OK],
    ]);
    expect(exchanges.map(summary)).toEqual(["POST / abc0123456789> 200 x", "GET / > 200 ok"]);
    expect(exchanges[0]?.response?.trailers).toEqual([
      ["Grpc-Status", "0"],
      ["B", ""],
    ]);
  });

  it("ends with the connection when the response has no length", () => {
    const { exchanges } = read([
      ["request", "GET / HTTP/1.0\r\n\r\n"],
      ["response", "HTTP/1.1 200\r\n\r\nabc", 5],
      ["response", "def", 6],
    ]);
    expect(exchanges.map(summary)).toEqual(["GET / > 200 abcdef"]);
    expect(exchanges[0]?.protocol).toBe("http/1.0");
  });

  it("skips interim responses and takes the time of the final one", () => {
    const { exchanges } = read([
      ["request", "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", 1],
      ["response", "HTTP/1.1 100 Continue\r\n\r\n", 2],
      ["request", "x", 3],
      ["response", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 4],
      ["response", OK, 5],
    ]);
    expect(exchanges.map(summary)).toEqual(["POST / x> 200 ok"]);
    expect(exchanges[0]).toMatchObject({ requestEndedAt: 3, responseStartedAt: 5 });
  });

  it("has no body in answers to HEAD, in 204 and in 304, whatever length they claim", () => {
    expect(
      summaries([
        ["request", `HEAD /h HTTP/1.1\r\n\r\n${GET}${GET}${GET}`],
        ["response", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"],
        ["response", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"],
        ["response", `HTTP/1.1 204 No Content\r\n\r\n${OK}`],
      ]),
    ).toEqual(["HEAD /h > 200 ", "GET / > 304 ", "GET / > 204 ", "GET / > 200 ok"]);
  });

  it("is whole when the response came before the request had ended", () => {
    expect(
      summaries([
        ["request", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"],
        ["response", "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"],
        ["request", "defghi"],
        ["request", GET],
        ["response", OK],
      ]),
    ).toEqual(["POST / abcdefghi> 413 no", "GET / > 200 ok"]);
  });

  it("keeps an early response when the client never sends the rest", () => {
    const { exchanges } = read(
      [
        ["request", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"],
        ["response", "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"],
      ],
      "server_closed",
    );
    expect(exchanges.map(summary)).toEqual(["POST / abc> 413 no"]);
    expect(exchanges[0]?.requestEndedAt).toBeUndefined();
  });

  it("takes target and authority from the absolute form", () => {
    const { exchanges } = read([["request", "GET http://Host:81?q HTTP/1.1\r\nHost: b\r\n\r\n"]]);
    expect(exchanges[0]?.request).toMatchObject({ path: "/?q", authority: "Host:81" });
  });

  it("reads bare line feeds, empty lines before a request, and folded fields", () => {
    const { exchanges } = read([
      ["request", "\r\n\nGET / HTTP/1.1\nHost: a\nX: 1\n  2 \n\n"],
      ["response", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"],
    ]);
    expect(exchanges.map(summary)).toEqual(["GET / > 200 ok"]);
    expect(exchanges[0]?.request.fields).toEqual([
      ["Host", "a"],
      ["X", "1 2"],
    ]);
  });

  it("keeps head and tail of a body that is longer than the limits", () => {
    const limits = { maxBody: 4, maxTail: 3, maxHeader: 1000 };
    const { exchanges } = read(
      [
        ["request", `POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789${GET}`],
        ["response", OK],
      ],
      "ended",
      limits,
    );
    expect(exchanges[0]?.request.body).toEqual({
      head: Buffer.from("0123"),
      tail: Buffer.from("789"),
      length: 10,
      truncated: true,
    });
  });
});

describe("an exchange that does not end", () => {
  const half: Step[] = [
    ["request", GET],
    ["response", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"],
  ];

  it.each(["client_aborted", "server_closed", "capture_lost"] as const)(
    "says %s and what was seen",
    (cause) => {
      expect(summaries(half, cause)).toEqual([`GET / > 200 abc !${cause}`]);
    },
  );

  it("blames the side that ended first when the connection ended in order", () => {
    for (const [first, second, error] of [
      ["request", "response", "client_aborted"],
      ["response", "request", "server_closed"],
    ] as const) {
      const report = createReport();
      const reader = createHttp1Reader({ scheme: "https", limits: LIMITS }, report.handlers);
      play(reader, half);
      reader.end(first, 5);
      reader.end(second, 6);
      reader.close("ended", 7);
      expect(report.exchanges.map(summary)).toEqual([`GET / > 200 abc !${error}`]);
    }
  });

  it("is reported for each pipelined request without an answer", () => {
    expect(summaries([["request", GET + GET]], "server_closed")).toEqual([
      "GET / > - !server_closed",
      "GET / > - !server_closed",
    ]);
  });

  it("is complete when only the end of the connection was missing", () => {
    const report = createReport();
    const reader = createHttp1Reader({ scheme: "https", limits: LIMITS }, report.handlers);
    play(reader, [
      ["request", GET],
      ["response", "HTTP/1.1 200 OK\r\n\r\nabc"],
    ]);
    reader.end("response", 9);
    expect(report.exchanges.map(summary)).toEqual(["GET / > 200 abc"]);
    expect(report.exchanges[0]?.endedAt).toBe(9);
  });
});

describe("a connection that leaves HTTP/1", () => {
  const upgrade = "GET /u HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";

  it("is reported up to an unknown protocol", () => {
    expect(
      summaries([
        ["request", upgrade],
        ["response", "HTTP/1.1 101 Switching\r\nUpgrade: foo\r\n\r\n\u0001\u0002"],
        ["request", "\u0000\u0001 not HTTP"],
      ]),
    ).toEqual(["GET /u > 101 "]);
  });

  it("is reported up to a tunnel", () => {
    expect(
      summaries([
        ["request", "CONNECT b:443 HTTP/1.1\r\n\r\n"],
        ["response", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n\u0016\u0003"],
        ["request", "\u0016\u0003\u0001"],
      ]),
    ).toEqual(["CONNECT b:443 > 200 "]);
  });

  it("goes on with HTTP/1 when the server declines", () => {
    expect(
      summaries([
        ["request", upgrade + GET],
        ["response", OK + OK],
        ["request", GET],
        ["response", OK],
      ]),
    ).toEqual(["GET /u > 200 ok", "GET / > 200 ok", "GET / > 200 ok"]);
  });
});

describe("the reader gives up", () => {
  const post = (fields: string, rest = "") =>
    [["request", `POST / HTTP/1.1\r\n${fields}\r\n\r\n${rest}`]] as Step[];

  it.each([
    [
      "CL.TE",
      post("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG"),
      "http1_conflicting_lengths",
    ],
    ["two lengths", post("Content-Length: 6\r\nContent-Length: 5"), "http1_conflicting_lengths"],
    ["a list of lengths", post("Content-Length: 6, 5"), "http1_conflicting_lengths"],
    ["a signed length", post("Content-Length: +6"), "http1_bad_content_length"],
    ["an empty length", post("Content-Length:"), "http1_bad_content_length"],
    ["a disguised coding", post("Transfer-Encoding: xchunked"), "http1_unknown_transfer_coding"],
    ["chunked before another", post("Transfer-Encoding: chunked, identity"), "http1_unknown_transfer_coding"],
    [
      "chunked twice",
      post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
      "http1_unknown_transfer_coding",
    ],
    ["a vertical tab before it", post("Transfer-Encoding: \u000bchunked"), "http1_unknown_transfer_coding"],
    ["a space before the colon", post("Content-Length : 6"), "http1_bad_field"],
    ["a folded coding", post("Transfer-Encoding:\r\n chunked"), "http1_folded_length"],
    ["a bare CR", post("X: a\rContent-Length: 6"), "http1_bare_cr"],
    ["a NUL", post("X: a\u0000b"), "http1_nul_in_head"],
    [
      "a bare LF after a chunk size",
      post("Transfer-Encoding: chunked", "1\nx\r\n0\r\n\r\n"),
      "http1_bad_chunk",
    ],
    [
      "a chunk longer than its size",
      post("Transfer-Encoding: chunked", "1\r\nxy\r\n0\r\n\r\n"),
      "http1_bad_chunk",
    ],
    ["a hexadecimal prefix", post("Transfer-Encoding: chunked", "0x1\r\nx\r\n0\r\n\r\n"), "http1_bad_chunk"],
    ["a size beyond 2^52", post("Transfer-Encoding: chunked", "fffffffffffffff\r\n"), "http1_bad_chunk"],
    ["HTTP/0.9", [["request", "GET /\r\n\r\n"]] as Step[], "http1_bad_request_line"],
    ["no HTTP", [["request", "\u0016\u0003\u0001\r\n\r\n"]] as Step[], "http1_bad_request_line"],
    [
      "a head without end",
      [["request", `GET / HTTP/1.1\r\nX: ${"x".repeat(300_000)}`]] as Step[],
      "http1_head_too_large",
    ],
    ["a response to nothing", [["response", OK]] as Step[], "http1_unsolicited_response"],
    [
      "a switch that nobody asked for",
      [
        ["request", GET],
        ["response", "HTTP/1.1 101 S\r\n\r\n"],
      ] as Step[],
      "http1_unexpected_switch",
    ],
  ])("on %s", (_name, steps, reason) => {
    expect(reasons(steps)).toEqual([reason]);
    // The same, byte by byte.
    const bytes = steps.flatMap(([direction, text]) =>
      [...(text as string)].map((b): Step => [direction, b]),
    );
    expect(reasons(bytes)).toEqual([reason]);
  });

  it("once, after it has reported what was open, and then is silent", () => {
    const report = read([
      ["request", GET],
      ["response", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"],
      ["response", "more"],
      ["request", GET],
    ]);
    expect(report.exchanges.map(summary)).toEqual(["GET / > 200 abc !capture_lost"]);
    expect(report.gaveUp).toEqual([{ reason: "http1_bad_chunk", protocol: "http/1.1" }]);
  });

  it("but not when the server refuses a connection without a request", () => {
    const report = read([
      ["request", "GET / HT"],
      ["response", "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\nbye"],
    ]);
    expect(report.gaveUp).toEqual([]);
    expect(report.exchanges).toEqual([]);
  });

  it("but reads a length that is said twice", () => {
    expect(
      summaries([
        ["request", "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\nx"],
        ["response", OK],
      ]),
    ).toEqual(["POST / x> 200 ok"]);
  });
});
