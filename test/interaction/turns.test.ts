import { expect, test } from "vitest";
import type { Exchange, WebSocketMessage } from "../../src/exchange/exchange.js";
import { readInteraction } from "../../src/interaction/read.js";
import { turnsOf } from "../../src/interaction/turns.js";
import { wholeBody } from "./exchanges.js";

const opening = {
  host: "api.openai.com",
  method: "GET",
  path: "/v1/responses",
  query: new URLSearchParams(),
  requestFields: [],
  status: 101,
  responseFields: [],
};

function socketOf(
  ...messages: ReadonlyArray<readonly [direction: "request" | "response", data: unknown]>
): Exchange {
  const none = { fields: [], trailers: [], body: wholeBody("") };
  return {
    protocol: "websocket",
    startedAt: 0,
    endedAt: 100,
    request: { method: "GET", path: "/v1/responses", ...none },
    response: { status: 101, ...none },
    messages: messages.map(
      ([direction, data], index): WebSocketMessage => ({
        direction,
        time: index * 10,
        kind: "text",
        data: Buffer.from(JSON.stringify(data)),
        truncated: false,
      }),
    ),
  };
}

const ask = (input: string) => ["request", { type: "response.create", model: "gpt-5", input }] as const;
const answer = (text: string) =>
  [
    "response",
    {
      type: "response.completed",
      response: {
        status: "completed",
        output: [{ type: "message", content: [{ type: "output_text", text }] }],
      },
    },
  ] as const;

test("each question with its answer is a turn, with its times", () => {
  const turns = turnsOf(
    socketOf(ask("one"), ["response", { type: "response.created" }], answer("1"), ask("two"), answer("2")),
    opening,
  );
  expect(turns.map(({ startedAt, answeredAt, endedAt }) => [startedAt, answeredAt, endedAt])).toEqual([
    [0, 10, 20],
    [30, 40, 40],
  ]);
  const read = turns.map(({ exchange }) => readInteraction(exchange, { parsers: new Map() }));
  expect(read.map((interaction) => [interaction?.request.messages, interaction?.response?.content])).toEqual([
    [[{ role: "user", content: "one" }], "1"],
    [[{ role: "user", content: "two" }], "2"],
  ]);
});

test("a question without an answer is a turn, what the server says after the last answer is none", () => {
  expect(turnsOf(socketOf(ask("one"), answer("1"), ask("two")), opening)).toHaveLength(2);
  expect(
    turnsOf(socketOf(ask("one"), answer("1"), ["response", { type: "rate_limits.updated" }]), opening),
  ).toHaveLength(1);
  expect(turnsOf(socketOf(), opening)).toEqual([]);
});

test("binary messages count, they do not speak", () => {
  const socket = socketOf(ask("one"));
  const [turn] = turnsOf(
    { ...socket, messages: [{ ...socket.messages![0]!, kind: "binary", data: Buffer.from([1, 2]) }] },
    opening,
  );
  expect(turn?.exchange.requestBody).toMatchObject({ chunks: [{ data: { size: 2 } }] });
});

test("an error refuses a question and ends its turn; the repeated question is another", () => {
  // As api.openai.com refuses on its WebSocket: github.com/Soju06/codex-lb/issues/221, github.com/can1357/oh-my-pi/issues/925
  const error = { type: "error", status: 400, error: { code: "previous_response_not_found", message: "no" } };
  const turns = turnsOf(socketOf(ask("one"), ["response", error], ask("two"), answer("2")), opening);
  const read = turns.map(({ exchange }) => readInteraction(exchange, { parsers: new Map() }));
  expect(read.map((one) => one?.request.messages?.[0]?.content)).toEqual(["one", "two"]);
  expect(read.map((one) => one?.response?.error?.code)).toEqual(["previous_response_not_found", undefined]);
});

test("an error of the realtime API, which has the id of an event, leaves the answer going on", () => {
  const error = { type: "error", event_id: "event_1", error: { message: "no such item" } };
  expect(turnsOf(socketOf(ask("one"), ["response", error], answer("1")), opening)).toHaveLength(1);
});
