import { describe, expect, test } from "vitest";
import { type McpCall, type McpParty, McpSession } from "../../src/interaction/mcp/mcp-session.js";
import { MessageLines } from "../../src/interaction/mcp/message-lines.js";
import { messageOfOutline, messagesOfText } from "../../src/interaction/mcp/rpc-message.js";

type Said = readonly [from: McpParty, message: unknown];

/** The calls in a dialogue whose messages come one millisecond after the other, and which the server ends. */
function callsOf(...dialogue: readonly Said[]): McpCall[] {
  const calls: McpCall[] = [];
  const session = new McpSession((call) => calls.push(call));
  for (const [at, [from, said]] of dialogue.entries()) {
    const text = typeof said === "string" ? said : JSON.stringify(said);
    for (const message of messagesOfText(text)) session.take(from, message, { time: at });
  }
  session.end("server_closed", dialogue.length);
  return calls;
}

const ask = (id: unknown, method = "tools/call", params: unknown = { name: "echo" }): Said => [
  "client",
  { jsonrpc: "2.0", id, method, params },
];
const answer = (id: unknown, result: unknown = {}): Said => ["server", { jsonrpc: "2.0", id, result }];
const tell = (from: McpParty, method: string, params?: unknown): Said => [
  from,
  { jsonrpc: "2.0", method, params },
];
const introduce: readonly Said[] = [
  ask(0, "initialize", { protocolVersion: "2025-06-18", clientInfo: { name: "ide", version: "9" } }),
  answer(0, { protocolVersion: "2025-03-26", serverInfo: { name: "files", version: "1.2" } }),
  tell("client", "notifications/initialized"),
];

describe("a call is a request with its answer", () => {
  test.each<[string, Said[], object[]]>([
    [
      "with what was asked, what was answered and how long it took",
      [ask(1), answer(1, { content: [] })],
      [
        {
          from: "client",
          method: "tools/call",
          params: { name: "echo" },
          answer: { kind: "result", result: { content: [] } },
          startedAt: 0,
          endedAt: 1,
        },
      ],
    ],
    [
      "an error with its code, text and data",
      [ask(1), ["server", { jsonrpc: "2.0", id: 1, error: { code: -32602, message: "no", data: [1] } }]],
      [{ answer: { kind: "error", code: -32602, message: "no", data: [1] } }],
    ],
    [
      "in whichever order answers come",
      [ask(1), ask(2), answer(2), answer(1)],
      [{ startedAt: 1 }, { startedAt: 0 }],
    ],
    [
      "told apart by the type of its id",
      [ask(1), ask("1"), answer("1")],
      [{ startedAt: 1, endedAt: 2 }, { startedAt: 0 }],
    ],
    ["a null result is an answer", [ask(1), answer(1, null)], [{ answer: { kind: "result", result: null } }]],
    [
      "of each party by its own numbers",
      [
        ask(1),
        ["server", { jsonrpc: "2.0", id: 1, method: "sampling/createMessage" }],
        ["client", { jsonrpc: "2.0", id: 1, result: { model: "m" } }],
        answer(1),
      ],
      [
        {
          from: "server",
          method: "sampling/createMessage",
          answer: { kind: "result", result: { model: "m" } },
        },
        { from: "client", method: "tools/call" },
      ],
    ],
    [
      "also within batches",
      [
        ["client", [ask(1)[1], ask(2, "tools/list", undefined)[1]]],
        ["server", [answer(2)[1], answer(1)[1]]],
      ],
      [{ method: "tools/list" }, { method: "tools/call" }],
    ],
    [
      "a request whose id is taken ends the one before",
      [ask(1), ask(1), answer(1)],
      [{ unanswered: "capture_lost" }, { startedAt: 1 }],
    ],
    [
      "one that is cancelled has no answer",
      [ask(1), tell("client", "notifications/cancelled", { requestId: 1 }), answer(1)],
      [{ unanswered: "cancelled", endedAt: 1 }],
    ],
    [
      "nobody cancels what the other asked",
      [ask(1), tell("server", "notifications/cancelled", { requestId: 1 }), answer(1)],
      [{ answer: { kind: "result" } }],
    ],
    [
      "one that is open when the server ends has none",
      [ask(1)],
      [{ unanswered: "server_closed", endedAt: 1 }],
    ],
    [
      "progress is counted by its token",
      [
        ask(1, "tools/call", { _meta: { progressToken: "p" } }),
        tell("server", "notifications/progress", { progressToken: "p" }),
        tell("server", "notifications/progress", { progressToken: "p" }),
        tell("server", "notifications/progress", { progressToken: "q" }),
        answer(1),
      ],
      [{ progress: 2 }],
    ],
    ["that others are there is not told", [ask(1, "ping"), answer(1)], []],
    ["that others fail to be there is", [ask(1, "ping")], [{ method: "ping" }]],
    [
      "that tools changed is told at once",
      [tell("server", "notifications/tools/list_changed")],
      [{ from: "server", method: "notifications/tools/list_changed" }],
    ],
    ["other notifications are not", [tell("server", "notifications/message", { data: "x" })], []],
    ["an answer to nothing is none", [answer(7)], []],
    [
      "what is no JSON-RPC is none",
      [
        ["server", "Listening on 3000"],
        ["server", "[1, null, {}]"],
        ["server", { jsonrpc: "2.0", id: null, error: {} }],
      ],
      [],
    ],
  ])("%s", (_, dialogue, calls) => {
    const found = callsOf(...dialogue);
    expect(found).toMatchObject(calls);
    expect(found).toHaveLength(calls.length);
  });

  test("with the names and the version that both agreed on, also the call in which they did", () => {
    const calls = callsOf(...introduce, ask(1), answer(1));
    const names = {
      server: { name: "files", version: "1.2" },
      client: { name: "ide", version: "9" },
      protocolVersion: "2025-03-26",
    };
    expect(calls).toMatchObject([
      { method: "initialize", ...names },
      { method: "tools/call", ...names },
    ]);
  });

  test("of which no more than twenty thousand are open", () => {
    const calls = callsOf(...[...Array(20_001).keys()].map((id) => ask(id)));
    expect(calls).toHaveLength(20_001);
    expect(calls[0]).toMatchObject({ unanswered: "capture_lost", endedAt: 20_000 });
  });
});

describe("lines", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const read = (text: string, size: number, max = 1_000) => {
    const lines = new MessageLines(max);
    const all = bytes(text);
    const found = [];
    for (let at = 0; at < all.length; at += size) found.push(...lines.push(all.subarray(at, at + size)));
    return [...found, ...lines.end()];
  };
  const text = '{"a":"größer €😀"}\r\n\n{"b":2}\nlast';

  test.each([1, 2, 3, 7, 1_000])("are the same in pieces of %i bytes", (size) => {
    expect(read(text, size).map((line) => line.kind === "whole" && line.text)).toEqual([
      '{"a":"größer €😀"}\r',
      '{"b":2}',
      "last",
    ]);
  });

  test.each([1, 5, 64, 4_096])(
    "that are too long leave what says whose they are, in pieces of %i bytes",
    (size) => {
      const long = "x".repeat(2_000);
      const messages = [
        { result: { id: 1, content: [{ text: `\\"${long}` }], error: "}" }, jsonrpc: "2.0", id: 17 },
        { jsonrpc: "2.0", id: "a,b", method: "tools/call", params: { method: "other", text: long } },
        { jsonrpc: "2.0", id: 3, error: { code: 1, message: long } },
        { jsonrpc: "2.0", method: "notifications/message", params: [long] },
        [{ id: 5, result: long }],
      ];
      const lines = read(messages.map((message) => `${JSON.stringify(message)}\n`).join(""), size, 500);
      const outlines = lines.map((line) => (line.kind === "outline" ? line.outline : line));
      expect(outlines).toEqual([
        { id: 17, answers: "result" },
        { id: "a,b", method: "tools/call" },
        { id: 3, answers: "error" },
        { method: "notifications/message" },
        {},
      ]);
      expect(lines.map((line) => line.kind === "outline" && messageOfOutline(line.outline)?.kind)).toEqual([
        "answer",
        "request",
        "answer",
        "notification",
        undefined,
      ]);
    },
  );

  test("of which bytes are missing are left out, and the next one is read", () => {
    const lines = new MessageLines(1_000);
    expect(lines.push(bytes('{"a":1}\n{"b"'))).toHaveLength(1);
    lines.skip();
    expect(lines.push(bytes(':2}\n{"c":3}\n'))).toMatchObject([{ text: '{"c":3}' }]);
  });
});
