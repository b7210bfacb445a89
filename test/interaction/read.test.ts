import { describe, expect, test } from "vitest";
import { decodeBody } from "../../src/interaction/decode.js";
import { readInteraction } from "../../src/interaction/read.js";
import type { Parser, Provider } from "../../src/oisp/bundle.js";
import { exchangeOf, PARSERS, sse } from "./exchanges.js";

const openai: Provider = { id: "openai", name: "OpenAI", apiFormat: "openai" };
const anthropic: Provider = { id: "anthropic", name: "Anthropic", apiFormat: "anthropic" };
const question = { model: "gpt-4", messages: [{ role: "user", content: "Hello" }] };
const answer = {
  model: "gpt-4-0613",
  choices: [{ index: 0, message: { role: "assistant", content: "Hi there!" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 5, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 2 } },
};

const withParsers = { provider: openai, parsers: PARSERS };
const withoutParsers = { provider: openai, parsers: new Map<string, Parser>() };

describe("the example that stands in the event format", () => {
  const expected = {
    model: "gpt-4-0613",
    provider: "openai",
    type: "chat",
    request: question,
    response: {
      content: "Hi there!",
      model: "gpt-4-0613",
      finish_reason: "stop",
      usage: { input_tokens: 5, output_tokens: 3, cache_read_tokens: 2 },
    },
  };
  const exchange = exchangeOf({ path: "/v1/chat/completions", request: question, response: answer });

  test("is read by the bundle's parser", () => {
    expect(readInteraction(exchange, withParsers)).toEqual(expected);
  });

  test("is read the same without a parser", () => {
    expect(readInteraction(exchange, withoutParsers)).toEqual(expected);
  });
});

test("lists that a provider answers empty are left out, whoever names them", () => {
  const parser: Parser = {
    request: {},
    response: { sources: { kind: "jsonpath", path: "$.sources" } },
  };
  const response = { ...answer, citations: [], search_results: [], sources: [] };
  const exchange = exchangeOf({ path: "/v1/chat/completions", request: question, response });
  const interaction = readInteraction(exchange, { provider: openai, parsers: new Map([["openai", parser]]) });
  expect(Object.keys(interaction!.response!).sort()).toEqual(["content", "finish_reason", "model", "usage"]);
});

describe("the bundle speaks first", () => {
  test("a bundle that changes a path changes the result", () => {
    const changed: Parser = {
      request: { model: { kind: "jsonpath", path: "$.engine.name" } },
      response: {
        content: { kind: "jsonpath", path: "$.answer.parts[*].said" },
        usage: { prompt_tokens: { kind: "jsonpath", path: "$.cost.in" } },
        request_id: { kind: "header", header: "Request-Id" },
      },
    };
    const exchange = exchangeOf({
      path: "/v1/chat/completions",
      request: { ...question, engine: { name: "changed" } },
      responseFields: [
        ["content-type", "application/json"],
        ["request-id", "req_1"],
      ],
      response: { ...answer, answer: { parts: [{ said: "one " }, { said: "two" }] }, cost: { in: 77 } },
    });
    const interaction = readInteraction(exchange, {
      provider: openai,
      parsers: new Map([["openai", changed]]),
    });
    expect(interaction?.request.model).toBe("changed");
    expect(interaction?.response).toMatchObject({
      content: "one two",
      request_id: "req_1",
      finish_reason: "stop",
      usage: { input_tokens: 77, output_tokens: 3 },
    });
  });

  test("a changed delta path is followed in a stream", () => {
    const changed: Parser = {
      request: {},
      response: {},
      streaming: { format: "sse", deltaPath: { kind: "jsonpath", path: "$.piece" } },
    };
    const response = sse({ piece: { content: "a" } }, { piece: { content: "b" } });
    const exchange = exchangeOf({ path: "/v1/chat/completions", request: question, response });
    const interaction = readInteraction(exchange, {
      provider: openai,
      parsers: new Map([["openai", changed]]),
    });
    expect(interaction?.response?.content).toBe("ab");
  });

  test("scripts and filters in paths say nothing", () => {
    const evil: Parser = {
      request: {
        model: { kind: "jsonpath", path: "$.messages[?(@.role.constructor.constructor('return 1')())]" },
      },
      response: {},
    };
    const exchange = exchangeOf({ path: "/v1/chat/completions", request: question, response: answer });
    const interaction = readInteraction(exchange, { provider: openai, parsers: new Map([["openai", evil]]) });
    expect(interaction?.request.model).toBe("gpt-4");
  });
});

describe("a format of which only the bundle knows", () => {
  const parser: Parser = {
    request: {
      prompt: { kind: "jsonpath", path: "$.ask.text" },
      model: { kind: "template", template: "{model}" },
    },
    response: {
      content: { kind: "jsonpath", path: "$.reply" },
      usage: { output_tokens: { kind: "jsonpath", path: "$.n" } },
    },
    streaming: { format: "sse", deltaPath: { kind: "jsonpath", path: "$.piece" } },
  };
  const context = {
    provider: { id: "new", name: "New", apiFormat: "new_format" },
    parsers: new Map([["new_format", parser]]),
  };

  test("is read by the bundle's paths", () => {
    const exchange = exchangeOf({
      path: "/models/n1/ask",
      request: { ask: { text: "Hi" } },
      response: { reply: "Hello", n: 2 },
    });
    expect(readInteraction(exchange, context)).toEqual({
      model: "n1",
      provider: "new",
      type: "chat",
      request: { prompt: "Hi", model: "n1" },
      response: { content: "Hello", usage: { output_tokens: 2 } },
    });
  });

  test("is read by the bundle's delta path when it is streamed", () => {
    const response = sse({ piece: "Hel" }, { piece: "lo" }, { n: 2 });
    const exchange = exchangeOf({ path: "/ask", request: { ask: { text: "Hi" } }, response });
    expect(readInteraction(exchange, context)?.response).toEqual({
      content: "Hello",
      usage: { output_tokens: 2 },
    });
  });

  test("is no interaction when its paths find no question", () => {
    expect(readInteraction(exchangeOf({ path: "/login", request: { user: "u" } }), context)).toBeUndefined();
  });
});

describe("the wire format is told by path and body first", () => {
  test("an Anthropic path at a provider that is listed as openai is read as Anthropic", () => {
    const exchange = exchangeOf({
      path: "/anthropic/v1/messages?beta=true",
      request: { ...question, system: "be kind" },
      response: {
        content: [{ type: "text", text: "Hi" }],
        stop_reason: "end_turn",
        usage: { input_tokens: 1 },
      },
    });
    expect(readInteraction(exchange, { provider: openai, parsers: PARSERS })).toMatchObject({
      request: { system: "be kind" },
      response: { content: "Hi", finish_reason: "end_turn" },
    });
  });

  test("a call that is no model call is no interaction", () => {
    expect(
      readInteraction(exchangeOf({ path: "/v1/models", method: "GET", response: { data: [] } }), withParsers),
    ).toBeUndefined();
    expect(
      readInteraction(exchangeOf({ path: "/v1/files", request: { a: 1 } }), withParsers),
    ).toBeUndefined();
  });
});

describe("streams", () => {
  test("OpenAI: content, tool calls in pieces, finish reason and usage", () => {
    const chunk = (delta: object, rest: object = {}) => ({
      id: "x",
      model: "gpt-4o",
      choices: [{ index: 0, delta, finish_reason: null, ...rest }],
    });
    const response = sse(
      chunk({ role: "assistant", content: "" }),
      chunk({ content: "Hel" }),
      chunk({ content: "lo" }),
      chunk({
        tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "sum", arguments: "" } }],
      }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: "1}" } }] }),
      chunk({}, { finish_reason: "tool_calls" }),
      {
        id: "x",
        model: "gpt-4o",
        choices: [],
        usage: { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 },
      },
      "[DONE]",
    );
    const exchange = exchangeOf({
      path: "/v1/chat/completions",
      request: { ...question, stream: true },
      response,
    });
    const expected = {
      content: "Hello",
      model: "gpt-4o",
      finish_reason: "tool_calls",
      tool_calls: [{ id: "call_1", name: "sum", arguments: { a: 1 } }],
      usage: { input_tokens: 9, output_tokens: 4, total_tokens: 13 },
    };
    expect(readInteraction(exchange, withParsers)?.response).toEqual(expected);
    expect(readInteraction(exchange, withoutParsers)?.response).toEqual(expected);
  });

  test("Anthropic: model and input tokens of the first event, thinking, tool input in pieces", () => {
    const delta = (index: number, delta: object) => ({ type: "content_block_delta", index, delta });
    const start = (index: number, content_block: object) => ({
      type: "content_block_start",
      index,
      content_block,
    });
    const response = sse(
      {
        type: "message_start",
        message: { model: "claude-x", content: [], usage: { input_tokens: 25, output_tokens: 1 } },
      },
      start(0, { type: "thinking", thinking: "" }),
      delta(0, { type: "thinking_delta", thinking: "Hm" }),
      delta(0, { type: "signature_delta", signature: "sig" }),
      start(1, { type: "text", text: "" }),
      { type: "ping" },
      delta(1, { type: "text_delta", text: "Hel" }),
      delta(1, { type: "text_delta", text: "lo" }),
      start(2, { type: "tool_use", id: "toolu_1", name: "sum", input: {} }),
      delta(2, { type: "input_json_delta", partial_json: '{"a"' }),
      delta(2, { type: "input_json_delta", partial_json: ":1}" }),
      {
        type: "message_delta",
        delta: { stop_reason: "tool_use", stop_sequence: null },
        usage: { output_tokens: 15 },
      },
      { type: "message_stop" },
    );
    const exchange = exchangeOf({ path: "/v1/messages", request: { ...question, stream: true }, response });
    expect(readInteraction(exchange, { provider: anthropic, parsers: PARSERS })?.response).toEqual({
      content: "Hello",
      model: "claude-x",
      finish_reason: "tool_use",
      reasoning: "Hm",
      tool_calls: [{ id: "toolu_1", name: "sum", arguments: { a: 1 } }],
      usage: { input_tokens: 25, output_tokens: 15 },
    });
  });
});

test("usage at the end of a stream is read although its middle was not kept", () => {
  const text = sse(
    { type: "message_start", message: { model: "claude-x", usage: { input_tokens: 25 } } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hel" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "x".repeat(500) } },
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 15 } },
  );
  const bytes = Buffer.from(text);
  const fields = [["content-type", "text/event-stream"]] as const;
  const body = {
    head: bytes.subarray(0, 300),
    tail: bytes.subarray(-150),
    length: bytes.length,
    truncated: true,
  };
  const exchange = {
    ...exchangeOf({ path: "/v1/messages", request: question }),
    responseBody: decodeBody(body, fields),
  };
  expect(readInteraction(exchange, { provider: anthropic, parsers: PARSERS })?.response).toEqual({
    content: "Hel",
    model: "claude-x",
    finish_reason: "end_turn",
    usage: { input_tokens: 25, output_tokens: 15 },
  });
});

describe("errors of the provider", () => {
  test.each([
    [
      { error: { message: "Bad key", type: "invalid_request_error", code: "invalid_api_key" } },
      401,
      { type: "invalid_request_error", code: "invalid_api_key", message: "Bad key" },
    ],
    [
      { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
      529,
      { type: "overloaded_error", message: "Overloaded" },
    ],
    [
      [{ error: { code: 400, status: "INVALID_ARGUMENT", message: "no" } }],
      400,
      { type: "INVALID_ARGUMENT", code: "400", message: "no" },
    ],
    ["upstream connect error", 503, { message: "upstream connect error" }],
  ])("%j", (response, status, error) => {
    const exchange = exchangeOf({ path: "/v1/chat/completions", request: question, response, status });
    expect(readInteraction(exchange, withParsers)?.response?.error).toEqual(error);
  });
});
