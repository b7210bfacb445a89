import type { Body, Fields } from "../../src/exchange/exchange.js";
import { decodeBody } from "../../src/interaction/decode.js";
import type { DecodedExchange } from "../../src/interaction/interaction.js";
import type { Parser, ParserPath, ParserPaths } from "../../src/oisp/bundle.js";

export function wholeBody(content: string | Buffer): Body {
  const head = Buffer.from(content);
  return { head, length: head.length, truncated: false };
}

interface Given {
  readonly host?: string;
  readonly method?: string;
  /** Path with query. */
  readonly path: string;
  /** JSON, or text as it is sent. */
  readonly request?: unknown;
  readonly requestFields?: Fields;
  readonly status?: number;
  readonly response?: unknown;
  readonly responseFields?: Fields;
}

const JSON_FIELDS: Fields = [["content-type", "application/json"]];

/** An exchange as the capture plane gives it to the readers. */
export function exchangeOf(given: Given): DecodedExchange {
  const url = new URL(given.path, "http://any");
  const requestFields = given.requestFields ?? JSON_FIELDS;
  const responseFields = given.responseFields ?? JSON_FIELDS;
  const bytes = (content: unknown): Body =>
    wholeBody(
      content === undefined
        ? ""
        : typeof content === "string" || Buffer.isBuffer(content)
          ? content
          : JSON.stringify(content),
    );
  return {
    host: given.host ?? "api.example.com",
    method: given.method ?? "POST",
    path: url.pathname,
    query: url.searchParams,
    requestFields,
    requestBody: decodeBody(bytes(given.request), requestFields),
    status: given.status ?? 200,
    responseFields,
    responseBody: decodeBody(bytes(given.response), responseFields),
  };
}

/** An event stream of these data. */
export function sse(...events: readonly unknown[]): string {
  return events.map((data) => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`).join("");
}

const path = (path: string): ParserPath => ({ kind: "jsonpath", path });

/** Paths of the published bundles' parsers, in the loader's shape. */
function paths(given: Record<string, string | Record<string, string>>): ParserPaths {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      typeof value === "string"
        ? value.startsWith("{")
          ? ({ kind: "template", template: value } as const)
          : path(value)
        : Object.fromEntries(Object.entries(value).map(([inner, innerPath]) => [inner, path(innerPath)])),
    ]),
  );
}

const same = (...names: string[]) => Object.fromEntries(names.map((name) => [name, `$.${name}`]));
const usage = (...names: string[]) => Object.fromEntries(names.map((name) => [name, `$.usage.${name}`]));

/** The five parsers that all published 2.x bundles hold. */
export const PARSERS: ReadonlyMap<string, Parser> = new Map([
  [
    "openai",
    {
      request: paths(
        same("model", "messages", "stream", "max_tokens", "temperature", "tools", "tool_choice"),
      ),
      response: paths({
        model: "$.model",
        content: "$.choices[0].message.content",
        finish_reason: "$.choices[0].finish_reason",
        usage: usage("prompt_tokens", "completion_tokens", "total_tokens"),
      }),
      streaming: { format: "sse", doneSignal: "[DONE]", deltaPath: path("$.choices[0].delta") },
    },
  ],
  [
    "anthropic",
    {
      request: paths(
        same("model", "messages", "system", "max_tokens", "temperature", "stream", "tools", "tool_choice"),
      ),
      response: paths({
        ...same("model", "content", "stop_reason"),
        usage: usage(
          "input_tokens",
          "output_tokens",
          "cache_creation_input_tokens",
          "cache_read_input_tokens",
        ),
      }),
      streaming: { format: "sse", doneSignal: "message_stop", deltaPath: path("$.delta") },
    },
  ],
  [
    "google",
    {
      request: paths({
        model: "{url_path}",
        contents: "$.contents",
        system_instruction: "$.systemInstruction",
        generation_config: {
          temperature: "$.generationConfig.temperature",
          max_output_tokens: "$.generationConfig.maxOutputTokens",
          top_p: "$.generationConfig.topP",
          top_k: "$.generationConfig.topK",
        },
        tools: "$.tools",
      }),
      response: paths({
        content: "$.candidates[0].content",
        finish_reason: "$.candidates[0].finishReason",
        usage: {
          prompt_tokens: "$.usageMetadata.promptTokenCount",
          completion_tokens: "$.usageMetadata.candidatesTokenCount",
          total_tokens: "$.usageMetadata.totalTokenCount",
        },
      }),
      streaming: { format: "sse" },
    },
  ],
  [
    "bedrock",
    {
      request: paths({ model: "$.modelId", ...same("messages", "system", "max_tokens", "temperature") }),
      response: paths({
        model: "$.modelId",
        content: "$.output.message.content",
        stop_reason: "$.stopReason",
        usage: {
          input_tokens: "$.usage.inputTokens",
          output_tokens: "$.usage.outputTokens",
          total_tokens: "$.usage.totalTokens",
        },
      }),
      streaming: { format: "sse" },
    },
  ],
  [
    "cohere",
    {
      request: paths(same("model", "message", "chat_history", "temperature", "max_tokens", "stream")),
      response: paths({
        content: "$.text",
        finish_reason: "$.finish_reason",
        usage: { input_tokens: "$.meta.tokens.input_tokens", output_tokens: "$.meta.tokens.output_tokens" },
      }),
      streaming: { format: "sse" },
    },
  ],
]);
