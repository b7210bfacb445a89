import { expect, test } from "vitest";
import type { EventMcp, OximyEvent } from "../../../src/event/event.js";
import { contentAttributes, MAX_CONTENT } from "../../../src/sinks/otlp/content.js";
import {
  CONVENTIONS_COMMIT,
  commonAttributes,
  DETAILS_EVENT,
  DURATION_METRIC,
  hostAttributes,
  notReadAttributes,
  processAttributes,
  resourceAttributes,
  spanAttributes,
  spanName,
  TOKEN_COUNTERS,
} from "../../../src/sinks/otlp/mapping.js";
import { SAMPLE_INTERACTION, SAMPLE_METADATA, sampleEvent } from "../sample-event.js";
import {
  PUBLISHED_AT,
  PUBLISHED_ATTRIBUTES,
  PUBLISHED_ELSEWHERE,
  PUBLISHED_METRICS,
} from "./published-names.js";

/** An event with all that is told of one. */
const full: OximyEvent = sampleEvent({
  client: {
    pid: 1,
    ppid: 2,
    name: "node",
    path: "/usr/bin/node",
    user: "ana",
    uid: 1000,
    cwd: "/home/ana/p",
    repo: { root: "/home/ana/p", branch: "main" },
    port: 3,
  },
  app: {
    id: "cursor",
    name: "Cursor",
    vendor: "Anysphere",
    category: "editor",
    matched_by: "executable",
    host_app: { id: "code", name: "Code" },
  },
  conversation: { id: "c", turn: 3, agent: "a" },
  interaction: {
    model: "claude-x",
    provider: "anthropic",
    type: "chat",
    cost_usd: 0.5,
    request: {
      messages: [{ role: "user", content: "Hello" }],
      model: "claude",
      stream: true,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      max_tokens: 100,
      seed: 7,
      frequency_penalty: 0.1,
      presence_penalty: 0.2,
      n: 2,
      reasoning: { effort: "high" },
      previous_response_id: "resp_0",
      system: "Be kind.",
      tools: [{ type: "function", function: { name: "read", description: "reads", parameters: {} } }],
    },
    response: {
      id: "resp_1",
      content: "Hi!",
      model: "claude-x",
      reasoning: "Hm.",
      finish_reason: "stop",
      tool_calls: [{ id: "t", name: "read", arguments: { path: "/a" } }],
      usage: {
        input_tokens: 100,
        output_tokens: 20,
        cache_read_tokens: 50,
        cache_creation_tokens: 25,
        reasoning_tokens: 5,
      },
    },
  },
  metadata: { ...SAMPLE_METADATA, request_path: "/v1/messages?key=REDACTED", via: "read", truncated: true },
});

test("every name is one that is published, or one of ours", () => {
  expect(CONVENTIONS_COMMIT).toBe(PUBLISHED_AT);
  const names = [
    spanAttributes(full, "latest"),
    spanAttributes(sampleEvent({ metadata: { ...SAMPLE_METADATA, response_status: 429 } }), "latest"),
    contentAttributes(full),
    notReadAttributes(full),
    resourceAttributes(full, hostAttributes({ name: "h", arch: "arm64", system: "linux" })),
    processAttributes(full.client),
  ].flatMap(Object.keys);
  const unknown = names.filter(
    (name) => !PUBLISHED_ATTRIBUTES.has(name) && !PUBLISHED_ELSEWHERE.has(name) && !name.startsWith("oximy."),
  );
  expect(unknown).toEqual([]);
  expect(
    [DURATION_METRIC.latest, ...Object.keys(TOKEN_COUNTERS)].filter((name) => !PUBLISHED_METRICS.has(name)),
  ).toEqual([]);
  expect(DETAILS_EVENT).toBe("gen_ai.client.inference.operation.details");
});

test("a span's attributes say what the event says", () => {
  const attributes = spanAttributes(full, "latest");
  expect(spanName(attributes)).toBe("chat claude");
  expect(attributes).toMatchObject({
    "gen_ai.provider.name": "anthropic",
    "gen_ai.response.model": "claude-x",
    "gen_ai.request.stream": true,
    "gen_ai.request.choice.count": 2,
    "gen_ai.request.reasoning.level": "high",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.response.time_to_first_chunk": 0.456,
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.cache_read.input_tokens": 50,
    "gen_ai.usage.cache_write.input_tokens": 25,
    "gen_ai.usage.reasoning.output_tokens": 5,
    "server.address": "api.openai.com",
    "server.port": 443,
    "url.path": "/v1/messages",
    "user.id": "1000",
    "oximy.cost_usd": 0.5,
    "oximy.client.branch": "main",
  });
});

test("the names of 1.40 are those that were published then", () => {
  const names = Object.keys(spanAttributes(full, "1.40"));
  expect(names).toContain("gen_ai.usage.cache_creation.input_tokens");
  for (const later of [
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.request.stream",
    "gen_ai.usage.reasoning.output_tokens",
  ])
    expect(names).not.toContain(later);
  expect(DURATION_METRIC["1.40"]).toBe("gen_ai.client.operation.duration");
});

test.each<[string, Partial<EventMcp>, string, object]>([
  [
    "a tool that fails",
    { method: "tools/call", tool: "echo", is_error: true },
    "tools/call echo",
    {
      "mcp.method.name": "tools/call",
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "echo",
      "mcp.protocol.version": "2025-06-18",
      "network.transport": "pipe",
      "error.type": "tool_error",
    },
  ],
  [
    "a prompt, over HTTP",
    { method: "prompts/get", prompt: "review", transport: "http" },
    "prompts/get review",
    { "gen_ai.prompt.name": "review", "network.transport": "tcp", "network.protocol.name": "http" },
  ],
  [
    "a resource, whose name is not the span's",
    { method: "resources/read", resource: "file:///a" },
    "resources/read",
    { "mcp.resource.uri": "file:///a" },
  ],
])("MCP's own names: %s", (_, mcp, name, told) => {
  const event = sampleEvent({
    source: { type: "mcp", id: "files", endpoint: mcp.method! },
    mcp: { transport: "stdio", protocol_version: "2025-06-18", from: "client", method: "", ...mcp },
    interaction: { model: null, provider: null, type: "mcp", request: {}, response: { result: {} } },
    metadata: {},
  });
  const attributes = spanAttributes(event, "latest");
  expect(spanName(attributes)).toBe(name);
  expect(attributes).toMatchObject({ ...told, "oximy.mcp.server": "files" });
  const names = Object.keys(attributes);
  expect(names.filter((one) => /^gen_ai\.(?:provider|request|response|usage)/.test(one))).toEqual([]);
});

test.each([
  ["aws_bedrock", "aws.bedrock"],
  ["azure_openai", "azure.ai.openai"],
  ["google", "gcp.gemini"],
  ["google_vertex", "gcp.vertex_ai"],
  ["mistral", "mistral_ai"],
  ["xai", "x_ai"],
  ["moonshotai", "moonshot_ai"],
  ["groq", "groq"],
  ["ollama", "ollama"],
  ["constructor", "constructor"],
])("the provider %s is called %s", (provider, name) => {
  const event = sampleEvent({ interaction: { ...SAMPLE_INTERACTION, provider } });
  expect(commonAttributes(event)["gen_ai.provider.name"]).toBe(name);
});

test.each<[string, Partial<OximyEvent["metadata"]>, object | undefined, string | undefined]>([
  ["a call that went well", {}, undefined, undefined],
  [
    "the provider's code",
    { response_status: 429 },
    { code: "rate_limit_exceeded", type: "requests" },
    "rate_limit_exceeded",
  ],
  ["the provider's type", { response_status: 529 }, { type: "overloaded_error" }, "overloaded_error"],
  ["the status where there is none", { response_status: 503 }, undefined, "503"],
  ["a sentence, which is no class of errors", { error: "it went wrong: at line 7" }, undefined, "_OTHER"],
  ["what happened to the connection", { error: "client_aborted" }, undefined, "client_aborted"],
])("error.type of %s", (_, metadata, error, type) => {
  const response = { ...SAMPLE_INTERACTION.response, ...(error && { error }) };
  const event = sampleEvent({
    interaction: { ...SAMPLE_INTERACTION, response },
    metadata: { ...SAMPLE_METADATA, ...metadata },
  });
  expect(spanAttributes(event, "latest")["error.type"]).toBe(type);
});

test.each<[string, object[], object[]]>([
  [
    "of OpenAI",
    [
      {
        role: "assistant",
        content: "",
        tool_calls: [{ id: "c", function: { name: "read", arguments: '{"a":1}' } }],
      },
      { role: "tool", tool_call_id: "c", content: "done" },
    ],
    [
      {
        role: "assistant",
        parts: [
          { type: "text", content: "" },
          { type: "tool_call", id: "c", name: "read", arguments: { a: 1 } },
        ],
      },
      { role: "tool", parts: [{ type: "tool_call_response", id: "c", response: "done" }] },
    ],
  ],
  [
    "of Anthropic",
    [
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Hm." },
          { type: "tool_use", id: "t", name: "read", input: {} },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "x" }] },
          { type: "image" },
        ],
      },
    ],
    [
      {
        role: "assistant",
        parts: [
          { type: "reasoning", content: "Hm." },
          { type: "tool_call", id: "t", name: "read", arguments: {} },
        ],
      },
      { role: "user", parts: [{ type: "tool_call_response", id: "t", response: "x" }, { type: "image" }] },
    ],
  ],
  [
    "of Google",
    [{ role: "model", content: [{ text: "Yes" }, { functionCall: { name: "f", args: { b: 2 } } }] }],
    [
      {
        role: "assistant",
        parts: [
          { type: "text", content: "Yes" },
          { type: "tool_call", id: null, name: "f", arguments: { b: 2 } },
        ],
      },
    ],
  ],
])("messages %s have the shape of the conventions", (_, messages, expected) => {
  const request = { messages: messages as never };
  const event = sampleEvent({ interaction: { ...SAMPLE_INTERACTION, request } });
  expect(contentAttributes(event)["gen_ai.input.messages"]).toEqual(expected);
});

test("an answer, instructions and tools have it too", () => {
  expect(contentAttributes(full)).toMatchObject({
    "gen_ai.output.messages": [
      {
        role: "assistant",
        parts: [
          { type: "reasoning", content: "Hm." },
          { type: "text", content: "Hi!" },
          { type: "tool_call", id: "t", name: "read", arguments: { path: "/a" } },
        ],
        finish_reason: "stop",
      },
    ],
    "gen_ai.system_instructions": [{ type: "text", content: "Be kind." }],
    "gen_ai.tool.definitions": [{ type: "function", name: "read", description: "reads" }],
  });
});

test("of a long dialogue the beginning is left out, and that is said", () => {
  const messages = Array.from({ length: 20 }, (_, at) => ({
    role: "user",
    content: `${at} ${"x".repeat(60_000)}`,
  }));
  const attributes = contentAttributes(
    sampleEvent({ interaction: { ...SAMPLE_INTERACTION, request: { messages } } }),
  );
  const kept = attributes["gen_ai.input.messages"] as Array<{ parts: Array<{ content: string }> }>;
  expect(kept.at(-1)!.parts[0]!.content).toMatch(/^19 /);
  expect(JSON.stringify(attributes).length).toBeLessThan(MAX_CONTENT + 1_000);
  expect(attributes["oximy.content.truncated"]).toBe(true);
});
