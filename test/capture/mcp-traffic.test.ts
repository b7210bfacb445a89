import { expect, test } from "vitest";
import { McpTraffic } from "../../src/capture/mcp-traffic.js";
import type { OximyEvent } from "../../src/event/event.js";
import type { Exchange, Fields } from "../../src/exchange/exchange.js";
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
