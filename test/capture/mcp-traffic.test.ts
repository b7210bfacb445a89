import { once } from "node:events";
import { brotliCompressSync, createBrotliCompress, createDeflate, createGzip, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { McpTraffic } from "../../src/capture/mcp-traffic.js";
import type { OximyEvent } from "../../src/event/event.js";
import { DEFAULT_LIMITS, type Exchange, type Fields } from "../../src/exchange/exchange.js";
import { createHttp1Reader } from "../../src/exchange/http1.js";
import { validateEvent } from "../event/schema.js";
import { connection } from "./rig.js";

const START = Date.UTC(2026, 0, 9);
const JSON_TYPE = ["content-type", "application/json"] as const;
const SSE_TYPE = ["content-type", "text/event-stream"] as const;
const session = (id: string) => ["Mcp-Session-Id", id] as const;

const bodyOf = (text: string, truncated = false) => ({
  head: Buffer.from(text),
  length: Buffer.byteLength(text),
  truncated,
});
const rpc = (message: object) => JSON.stringify({ jsonrpc: "2.0", ...message });
const sse = (...messages: object[]) =>
  messages.map((each) => `event: message\ndata: ${rpc(each)}\n\n`).join("");

interface Given {
  readonly method?: string;
  readonly asked?: string;
  readonly fields?: Fields;
  readonly status?: number;
  readonly answered?: string;
  readonly answerFields?: Fields;
  readonly truncated?: boolean;
  readonly cutRequest?: boolean;
  readonly error?: Exchange["error"];
  readonly at?: number;
}

function exchange(given: Given): Exchange {
  const {
    method = "POST",
    asked = "",
    fields = [],
    answered = "",
    answerFields = [JSON_TYPE],
    at = 0,
  } = given;
  const response = {
    status: given.status ?? 200,
    fields: answerFields,
    trailers: [],
    body: bodyOf(answered, given.truncated),
  };
  return {
    protocol: "http/1.1",
    startedAt: START + at,
    endedAt: START + at + 10,
    request: {
      method,
      path: "/mcp",
      fields: [JSON_TYPE, ...fields],
      trailers: [],
      body: bodyOf(asked, given.cutRequest),
    },
    ...(given.status !== 0 && { response }),
    ...(given.error && { error: given.error }),
  };
}

/** What is told of exchanges with one host, in the order in which they end. */
function eventsOf(...exchanges: readonly Given[]): ReadonlyArray<readonly OximyEvent[] | undefined> {
  const traffic = new McpTraffic(["mcp.example.com"]);
  const info = connection(1, { host: "mcp.example.com" });
  const told = exchanges.map((given) => traffic.eventsOf(info, exchange(given)));
  for (const event of told.flatMap((events) => events ?? [])) validateEvent(event);
  return told;
}

const ASK = rpc({ id: 1, method: "tools/call", params: { name: "echo" } });

test.each<[string, Given, object[] | undefined]>([
  [
    "JSON answers",
    { asked: ASK, answered: rpc({ id: 1, result: { content: [] } }) },
    [{ mcp: { tool: "echo" }, timing: { duration_ms: 10 } }],
  ],
  [
    "streams of events",
    {
      asked: ASK,
      answered: sse({ method: "notifications/message" }, { id: 1, result: {} }),
      answerFields: [SSE_TYPE],
    },
    [{ interaction: { response: { result: {} } } }],
  ],
  [
    "batches",
    {
      asked: `[${ASK},${rpc({ id: 2, method: "tools/list" })}]`,
      answered: `[${rpc({ id: 2, result: {} })},${rpc({ id: 1, result: {} })}]`,
    },
    [{ mcp: { method: "tools/list" } }, { mcp: { tool: "echo" } }],
  ],
  [
    "an error of HTTP in the place of an answer",
    { asked: ASK, status: 401, answered: "no" },
    [{ metadata: { response_status: 401 } }],
  ],
  [
    "a client that went away",
    { asked: ASK, status: 0, error: "client_aborted" },
    [{ metadata: { error: "client_aborted" } }],
  ],
  [
    "a server that closed in the middle of its stream",
    {
      asked: ASK,
      answered: sse({ method: "notifications/message" }),
      answerFields: [SSE_TYPE],
      error: "server_closed",
    },
    [{ metadata: { error: "server_closed" } }],
  ],
  [
    "an answer that is longer than what is kept",
    { asked: ASK, answered: '{"jsonrpc":"2.0","id":1,"result":{"conte', truncated: true },
    [{ metadata: { truncated: true } }],
  ],
  [
    "a request that is longer than what is kept, for which its address has to do",
    { asked: ASK, cutRequest: true },
    undefined,
  ],
  [
    "notifications, of which none is told",
    { asked: rpc({ method: "notifications/initialized" }), status: 202 },
    [],
  ],
  [
    "a stream in which nothing was said",
    { method: "GET", fields: [["Accept", "text/event-stream"]], status: 405 },
    [],
  ],
  ["the end of a session", { method: "DELETE", fields: [session("a")] }, []],
  [
    "what is none of MCP",
    { asked: '{"grant_type":"refresh_token"}', answered: '{"access_token":"x"}' },
    undefined,
  ],
])("%s", (_, given, expected) => {
  const [told] = eventsOf(given);
  if (expected === undefined) expect(told).toBeUndefined();
  else {
    expect(told).toMatchObject(expected);
    expect(told).toHaveLength(expected.length);
  }
});

test("names are those of the session", () => {
  const welcome = (id: string, name: string): Given => ({
    asked: rpc({ id: 0, method: "initialize", params: { clientInfo: { name: `client of ${name}` } } }),
    answered: rpc({ id: 0, result: { serverInfo: { name } } }),
    answerFields: [JSON_TYPE, session(id)],
  });
  const call = (id: string): Given => ({
    asked: ASK,
    answered: rpc({ id: 1, result: {} }),
    fields: [session(id)],
  });
  const told = eventsOf(welcome("a", "one"), welcome("b", "two"), call("a"), call("b"), call("c"));
  expect(told.slice(2).map((events) => events![0]!.source.id)).toEqual(["one", "two", "mcp.example.com"]);
  expect(told[2]![0]!.mcp!.client).toEqual({ name: "client of one" });
});

test("what is asked in a stream is paired with the answer that was posted before the stream ended", () => {
  const told = eventsOf(
    { asked: rpc({ id: 9, result: { action: "accept" } }), status: 202, fields: [session("a")], at: 5 },
    {
      asked: ASK,
      answered: sse(
        { id: 9, method: "elicitation/create", params: { message: "Sure?" } },
        { id: 1, result: {} },
      ),
      answerFields: [SSE_TYPE],
      fields: [session("a")],
    },
  );
  expect(told).toMatchObject([
    [],
    [
      {
        mcp: { from: "server", method: "elicitation/create" },
        interaction: { response: { result: { action: "accept" } } },
      },
      { mcp: { from: "client", tool: "echo" } },
    ],
  ]);
});

/** Connections of one client with one server, of which each step is told with the events that it gave. */
function dialogue(maxMessage?: number) {
  const traffic = new McpTraffic(["mcp.example.com"], undefined, maxMessage);
  const told: OximyEvent[] = [];
  let now = START;
  const open = (id: number) => {
    const info = connection(id, {
      host: "mcp.example.com",
      owner: { kind: "process", process: { pid: 4711 }, ancestors: [] },
    });
    const tell = (event: OximyEvent) => {
      validateEvent(event);
      told.push(event);
    };
    const reader = createHttp1Reader(
      { scheme: "https", limits: DEFAULT_LIMITS },
      {
        onExchange: (exchange) => traffic.eventsOf(info, exchange)?.forEach(tell),
        onEventStream: (fields, soFar) => traffic.listen(info, fields, soFar, tell),
        onGiveUp: (reason) => expect.unreachable(reason),
      },
    );
    /** What is told by now, a second later. */
    const after = (work: () => void) => {
      now += 1_000;
      work();
      return told.splice(0);
    };
    return {
      ask: (text: string, path = "/mcp") =>
        after(() =>
          reader.push(
            "request",
            Buffer.from(
              text === ""
                ? `GET ${path} HTTP/1.1\r\nAccept: text/event-stream\r\n\r\n`
                : `POST ${path} HTTP/1.1\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
            ),
            now,
          ),
        ),
      answer: (head: string) =>
        after(() => reader.push("response", Buffer.from(`HTTP/1.1 ${head}\r\n\r\n`), now)),
      stream: (...fields: string[]) =>
        after(() => {
          const head = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream; charset=utf-8", ...fields, ""];
          reader.push("response", Buffer.from(`${head.join("\r\n")}\r\n`), now);
        }),
      say: (said: string | Buffer) => after(() => reader.push("response", Buffer.from(said as string), now)),
      close: (cause: "ended" | "server_closed" | "client_aborted" = "ended") =>
        after(() => {
          if (cause === "ended") reader.end("response", now);
          reader.close(cause, now);
        }),
    };
  };
  return { open };
}

test("a late result is told when it has come, in a stream that stays open", () => {
  const call = dialogue().open(1);
  call.ask(rpc({ id: 1, method: "tools/call", params: { name: "slow", _meta: { progressToken: "p" } } }));
  call.stream();
  const progress = sse({ method: "notifications/progress", params: { progressToken: "p", progress: 1 } });
  expect(call.say(`: ping\n\n${progress}`)).toEqual([]);
  expect(call.say(progress)).toEqual([]);
  const result = sse({ id: 1, result: { content: [] } });
  expect(call.say(result.slice(0, 40))).toEqual([]);
  expect(call.say(result.slice(40))).toMatchObject([
    {
      mcp: { tool: "slow", progress: 2 },
      timing: { duration_ms: 5_000 },
      interaction: { response: { result: { content: [] } } },
      metadata: { request_method: "POST", response_status: 200 },
    },
  ]);
  expect(call.say(sse({ method: "notifications/tools/list_changed" }))).toMatchObject([
    { mcp: { method: "notifications/tools/list_changed" } },
  ]);
  expect(call.close()).toEqual([]);
});

test("what a server says by itself is told when it has come, and paired with what the client posts", () => {
  const { open } = dialogue();
  const [listening, posting] = [open(1), open(2)];
  listening.ask("");
  listening.stream("Mcp-Session-Id: a", "Content-Encoding: identity");
  expect(listening.say(sse({ method: "notifications/resources/list_changed" }))).toMatchObject([
    { mcp: { from: "server", method: "notifications/resources/list_changed" } },
  ]);
  expect(listening.say(sse({ id: 7, method: "elicitation/create", params: { message: "?" } }))).toEqual([]);
  const reply = rpc({ id: 7, result: { action: "accept" } });
  posting.ask(reply);
  expect(posting.answer("202 Accepted\r\nMcp-Session-Id: a\r\nContent-Length: 0")).toMatchObject([
    {
      mcp: { from: "server", method: "elicitation/create" },
      timing: { duration_ms: 1_000 },
      interaction: { response: { result: { action: "accept" } } },
    },
  ]);
  expect(listening.close("client_aborted")).toEqual([]);
});

test("an answer in the stream that the client listens to is that of the call which was accepted", () => {
  const { open } = dialogue();
  const [listening, posting] = [open(1), open(2)];
  listening.ask("", "/sse");
  listening.stream();
  listening.say("event: endpoint\ndata: /messages?sessionId=5\n\n");
  const accept = (id: number) => {
    posting.ask(rpc({ id, method: "tools/call", params: { name: "echo" } }), "/messages");
    return posting.answer("202 Accepted\r\nContent-Length: 0");
  };
  expect(accept(1)).toEqual([]);
  expect(accept(2)).toEqual([]);
  expect(listening.say(sse({ id: 1, result: {} }))).toMatchObject([
    {
      interaction: { response: { result: {} } },
      metadata: { request_method: "POST", request_path: "/messages", response_status: 202 },
    },
  ]);
  expect(listening.close("server_closed")).toMatchObject([{ metadata: { error: "server_closed" } }]);
  expect(accept(3)).toMatchObject([{ metadata: { response_status: 202 } }]);
});

test.each<["ended" | "server_closed" | "client_aborted"]>([["ended"], ["server_closed"], ["client_aborted"]])(
  "a stream that ends without the result tells the call once: %s",
  (cause) => {
    const call = dialogue().open(1);
    call.ask(ASK);
    call.stream();
    call.say(sse({ method: "notifications/message" }));
    const told = call.close(cause);
    expect(told).toMatchObject([{ mcp: { tool: "echo" } }]);
    expect(told[0]!.metadata.error).toBe(cause === "ended" ? undefined : cause);
  },
);

/** What a server sends for each message when it packs and flushes, and at its end. */
async function packed(stream: ReturnType<typeof createGzip>, ...messages: string[]): Promise<Buffer[]> {
  const sent: Buffer[] = [];
  stream.on("data", (bytes: Buffer) => sent.push(bytes));
  const pieces: Buffer[] = [];
  for (const message of messages) {
    stream.write(message);
    await new Promise<void>((resolve) => stream.flush(resolve));
    pieces.push(Buffer.concat(sent.splice(0)));
  }
  stream.end();
  await once(stream, "end");
  return [...pieces, Buffer.concat(sent)];
}

const TWO_ANSWERS = [
  sse({ method: "notifications/message" }, { id: 1, result: { content: ["first"] } }),
  sse({ method: "notifications/tools/list_changed" }),
] as const;

test.each([
  ["gzip", createGzip],
  ["br", createBrotliCompress],
  ["deflate", createDeflate],
])("what is said in a stream that is packed is told when it has come: %s", async (coding, create) => {
  const [first, second, rest] = await packed(create(), ...TWO_ANSWERS);
  const call = dialogue().open(1);
  call.ask(ASK);
  call.stream(`Content-Encoding: ${coding}`);
  const half = first!.length >> 1;
  expect(call.say(first!.subarray(0, half))).toEqual([]);
  expect(call.say(first!.subarray(half))).toMatchObject([
    { mcp: { tool: "echo" }, timing: { duration_ms: 3_000 }, interaction: { response: { result: {} } } },
  ]);
  expect(call.say(second!)).toMatchObject([{ mcp: { method: "notifications/tools/list_changed" } }]);
  expect(call.say(rest!)).toEqual([]);
  expect(call.close()).toEqual([]);
});

test("a packed stream in which bytes are damaged tells what came before, and that something is missing", async () => {
  const [first] = await packed(createGzip(), sse({ method: "notifications/tools/list_changed" }));
  const call = dialogue().open(1);
  call.ask(ASK);
  call.stream("Content-Encoding: gzip");
  expect(call.say(first!)).toMatchObject([{ mcp: { method: "notifications/tools/list_changed" } }]);
  expect(call.say(Buffer.alloc(100, 0xff))).toEqual([]);
  expect(call.say(Buffer.alloc(100, 0xff))).toEqual([]);
  expect(call.close()).toMatchObject([{ mcp: { tool: "echo" }, metadata: { truncated: true } }]);
});

test("a stream that is packed twice is told when it has ended", () => {
  const call = dialogue().open(1);
  call.ask(ASK);
  call.stream("Content-Encoding: br, gzip");
  expect(call.say(gzipSync(brotliCompressSync(sse({ id: 1, result: {} }))))).toEqual([]);
  expect(call.close()).toMatchObject([{ mcp: { tool: "echo" }, interaction: { response: { result: {} } } }]);
});

test("packed streams are read live again when others have ended", async () => {
  const { open } = dialogue();
  const [first] = await packed(createBrotliCompress(), TWO_ANSWERS[1]);
  // Each keeps 4 MiB, and all together 64.
  const [extra, ...streams] = [...Array(17).keys()].reverse().map((id) => {
    const call = open(id + 1);
    call.ask("");
    call.stream("Content-Encoding: br");
    return call;
  });
  for (const call of streams) expect(call.say(first!)).toHaveLength(1);
  expect(extra!.say(first!)).toEqual([]);
  for (const call of streams) call.close();
  const later = open(18);
  later.ask("");
  later.stream("Content-Encoding: br");
  expect(later.say(first!)).toHaveLength(1);
  expect(extra!.close()).toHaveLength(1);
});

test("a message that no empty line ends is told at the end of its stream", () => {
  const call = dialogue().open(1);
  call.ask(ASK);
  call.stream();
  expect(call.say(`data: ${rpc({ id: 1, result: {} })}`)).toEqual([]);
  expect(call.close()).toMatchObject([{ interaction: { response: { result: {} } } }]);
});

test("a stream that is longer than what is kept of a body is told to its last message", () => {
  const call = dialogue().open(1);
  call.ask(ASK);
  call.stream();
  const log = sse({ method: "notifications/message", params: { data: "x".repeat(60_000) } });
  for (let at = 0; at < 200; at++) call.say(log);
  const [event] = call.say(sse({ id: 1, result: { content: ["last"] } }));
  expect(event!.interaction!.response!.result).toEqual({ content: ["last"] });
  expect(event!.metadata.truncated).toBeUndefined();
  expect(call.close()).toEqual([]);
});

test("of a message that is too long only which call it was is told", () => {
  const call = dialogue(10_000).open(1);
  call.ask(ASK);
  call.stream();
  expect(call.say(sse({ id: 1, result: { content: "x".repeat(20_000) } }))).toMatchObject([
    { mcp: { tool: "echo" }, metadata: { truncated: true } },
  ]);
});

test("streams keep no more together than a bound, and go on behind what was given up", () => {
  const { open } = dialogue(10_000);
  const streams = [...Array(12).keys()].map((id) => {
    const call = open(id + 1);
    call.ask(rpc({ id, method: "tools/call", params: { name: "echo" } }));
    call.stream();
    // Below the bound of one message, and twelve times that in all.
    call.say(`data: ${rpc({ id, result: "x".repeat(9_000) }).slice(0, -20)}`);
    return call;
  });
  const last = streams.at(-1)!;
  expect(last.say('"}\n\n')).toEqual([]);
  expect(last.say(sse({ method: "notifications/tools/list_changed" }))).toHaveLength(1);
  expect(last.close()).toMatchObject([{ mcp: { tool: "echo" }, metadata: { truncated: true } }]);
});

test("a stream of what is none of MCP is left to others", () => {
  const traffic = new McpTraffic(["mcp.example.com"]);
  const info = connection(1, { host: "mcp.example.com" });
  const given = exchange({
    asked: '{"model":"m"}',
    answered: 'data: {"choices":[]}\n\n',
    answerFields: [SSE_TYPE],
  });
  const stream = traffic.listen(
    info,
    [SSE_TYPE],
    () => given,
    () => expect.unreachable(),
  );
  stream.push(given.response!.body.head, START);
  stream.end(given);
  expect(traffic.eventsOf(info, given)).toBeUndefined();
});
