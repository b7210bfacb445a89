import { describe, expect, test } from "vitest";
import { costUsd } from "../../src/event/cost.js";
import type { OximyEvent } from "../../src/event/event.js";
import type { Interaction, Usage } from "../../src/interaction/interaction.js";
import { readInteraction } from "../../src/interaction/read.js";
import type { Prices, Provider } from "../../src/oisp/bundle.js";
import { feedLine } from "../../src/sinks/feed.js";
import { summarise } from "../../src/traces/event-stats.js";
import { exchangeOf, PARSERS, sse } from "../interaction/exchanges.js";
import { sampleEvent } from "../sinks/sample-event.js";

/** A provider's answer, what its numbers mean, and what the call costs, worked out by hand. */
interface Recorded {
  readonly name: string;
  /** Where the shape, and mostly the numbers, are from. */
  readonly source: string;
  readonly provider: Provider;
  readonly path: string;
  readonly model: string;
  readonly answer: unknown;
  readonly usage: Usage;
  /** USD per million tokens. */
  readonly prices: { input: number; output: number; read?: number; write?: number; reasoning?: number };
  readonly cost: number | undefined;
}

const provider = (id: string, apiFormat = "openai"): Provider => ({ id, name: id, apiFormat });
const CHAT = "/v1/chat/completions";
const chatAnswer = (usage: object) => ({
  object: "chat.completion",
  choices: [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }],
  usage,
});
const geminiAnswer = (usageMetadata: object) => ({
  candidates: [{ content: { role: "model", parts: [{ text: "Hi" }] }, finishReason: "STOP" }],
  usageMetadata,
});
const anthropicStream = (start: object, delta: object) =>
  sse(
    { type: "message_start", message: { id: "m", role: "assistant", content: [], usage: start } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hi" } },
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: delta },
    { type: "message_stop" },
  );
const SONNET = { input: 3, output: 15, read: 0.3, write: 3.75 };

const RECORDED: readonly Recorded[] = [
  {
    name: "OpenAI chat: cached tokens within the input, reasoning within the output",
    source: "platform.openai.com/docs/guides/prompt-caching, …/guides/reasoning",
    provider: provider("openai"),
    path: CHAT,
    model: "o4-mini",
    answer: chatAnswer({
      prompt_tokens: 2006,
      completion_tokens: 1300,
      total_tokens: 3306,
      prompt_tokens_details: { cached_tokens: 1920, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 1024, audio_tokens: 0 },
    }),
    usage: {
      input_tokens: 2006,
      output_tokens: 1300,
      total_tokens: 3306,
      cache_read_tokens: 1920,
      reasoning_tokens: 1024,
    },
    prices: { input: 1.1, output: 4.4, read: 0.275 },
    cost: (86 * 1.1 + 1920 * 0.275 + 1300 * 4.4) / 1e6,
  },
  {
    name: "OpenAI responses: cache writes within the input",
    source: "github.com/agentgateway/agentgateway/issues/2553",
    provider: provider("openai"),
    path: "/v1/responses",
    model: "gpt-5.6",
    answer: {
      object: "response",
      output: [],
      usage: {
        input_tokens: 2600,
        input_tokens_details: { cached_tokens: 2000, cache_write_tokens: 400 },
        output_tokens: 300,
        output_tokens_details: { reasoning_tokens: 200 },
        total_tokens: 2900,
      },
    },
    usage: {
      input_tokens: 2600,
      output_tokens: 300,
      total_tokens: 2900,
      cache_read_tokens: 2000,
      cache_creation_tokens: 400,
      reasoning_tokens: 200,
    },
    prices: { input: 2, output: 10, read: 0.2, write: 2.5 },
    cost: (200 * 2 + 2000 * 0.2 + 400 * 2.5 + 300 * 10) / 1e6,
  },
  {
    name: "Anthropic: cached tokens beside the input",
    source:
      "docs.anthropic.com/en/docs/build-with-claude/prompt-caching (100,000 tokens read, 50 after them)",
    provider: provider("anthropic", "anthropic"),
    path: "/v1/messages",
    model: "claude-sonnet-4-5",
    answer: {
      type: "message",
      content: [{ type: "text", text: "Hi" }],
      usage: {
        input_tokens: 50,
        cache_read_input_tokens: 100_000,
        cache_creation_input_tokens: 248,
        output_tokens: 503,
      },
    },
    usage: {
      input_tokens: 100_298,
      output_tokens: 503,
      cache_read_tokens: 100_000,
      cache_creation_tokens: 248,
    },
    prices: SONNET,
    cost: (50 * 3 + 100_000 * 0.3 + 248 * 3.75 + 503 * 15) / 1e6,
  },
  {
    name: "Anthropic: writes that last an hour cost twice the input",
    source: "docs.anthropic.com/en/docs/build-with-claude/prompt-caching#1-hour-cache-duration",
    provider: provider("anthropic", "anthropic"),
    path: "/v1/messages",
    model: "claude-sonnet-4-5",
    answer: anthropicStream(
      {
        input_tokens: 2048,
        cache_read_input_tokens: 1800,
        cache_creation_input_tokens: 556,
        cache_creation: { ephemeral_5m_input_tokens: 456, ephemeral_1h_input_tokens: 100 },
        output_tokens: 1,
      },
      { output_tokens: 503 },
    ),
    usage: { input_tokens: 4404, output_tokens: 503, cache_read_tokens: 1800, cache_creation_tokens: 556 },
    prices: SONNET,
    cost: (2048 * 3 + 1800 * 0.3 + 456 * 3.75 + 100 * 6 + 503 * 15) / 1e6,
  },
  {
    name: "Anthropic's format by a gateway: zero and null at the end take nothing away",
    source: "github.com/envoyproxy/ai-gateway/issues/1631, github.com/huggingface/tau/issues/617",
    provider: provider("anthropic", "anthropic"),
    path: "/v1/messages",
    model: "claude-sonnet-4-5",
    answer: anthropicStream(
      { input_tokens: 25, cache_read_input_tokens: 100, cache_creation_input_tokens: 7, output_tokens: 1 },
      {
        input_tokens: 0,
        cache_read_input_tokens: null,
        cache_creation_input_tokens: 0,
        output_tokens: 9,
      },
    ),
    usage: { input_tokens: 132, output_tokens: 9, cache_read_tokens: 100, cache_creation_tokens: 7 },
    prices: SONNET,
    cost: (25 * 3 + 100 * 0.3 + 7 * 3.75 + 9 * 15) / 1e6,
  },
  {
    name: "Anthropic's format by GLM: all that counts stands at the end",
    source: "docs.z.ai, Anthropic-compatible endpoint",
    provider: provider("zai"),
    path: "/api/anthropic/v1/messages",
    model: "glm-4.6",
    answer: anthropicStream(
      { input_tokens: 0, output_tokens: 0 },
      { input_tokens: 31, output_tokens: 9, cache_read_input_tokens: 2048 },
    ),
    usage: { input_tokens: 2079, output_tokens: 9, cache_read_tokens: 2048 },
    prices: { input: 0.6, output: 2.2, read: 0.11 },
    cost: (31 * 0.6 + 2048 * 0.11 + 9 * 2.2) / 1e6,
  },
  {
    name: "Google: thoughts and tool prompts beside, the cache within",
    source: "ai.google.dev/api/generate-content#UsageMetadata",
    provider: provider("google", "google"),
    path: "/v1beta/models/gemini-2.5-pro:generateContent",
    model: "gemini-2.5-pro",
    answer: geminiAnswer({
      promptTokenCount: 1000,
      cachedContentTokenCount: 400,
      candidatesTokenCount: 100,
      thoughtsTokenCount: 200,
      toolUsePromptTokenCount: 50,
      totalTokenCount: 1350,
    }),
    usage: {
      input_tokens: 1050,
      output_tokens: 300,
      total_tokens: 1350,
      cache_read_tokens: 400,
      reasoning_tokens: 200,
    },
    prices: { input: 1.25, output: 10, read: 0.125 },
    cost: (650 * 1.25 + 400 * 0.125 + 300 * 10) / 1e6,
  },
  {
    name: "Google's Interactions count as Gemini does",
    source: "@google/genai 2.32, Usage of Interactions",
    provider: provider("google", "google"),
    path: "/v1beta/interactions",
    model: "gemini-2.5-pro",
    answer: {
      object: "interaction",
      model: "gemini-2.5-pro",
      status: "completed",
      steps: [{ type: "model_output", content: [{ type: "text", text: "Hi" }] }],
      usage: {
        total_input_tokens: 1000,
        total_cached_tokens: 400,
        total_output_tokens: 100,
        total_thought_tokens: 200,
        total_tokens: 1300,
      },
    },
    usage: {
      input_tokens: 1000,
      output_tokens: 300,
      total_tokens: 1300,
      cache_read_tokens: 400,
      reasoning_tokens: 200,
    },
    prices: { input: 1.25, output: 10, read: 0.125 },
    cost: (600 * 1.25 + 400 * 0.125 + 300 * 10) / 1e6,
  },
  {
    name: "Bedrock's Converse: the cache beside the input",
    source: "docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html",
    provider: provider("aws_bedrock", "bedrock"),
    path: "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
    model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    answer: {
      output: { message: { role: "assistant", content: [{ text: "Hi" }] } },
      stopReason: "end_turn",
      usage: {
        inputTokens: 14,
        outputTokens: 3,
        totalTokens: 2013,
        cacheReadInputTokens: 1796,
        cacheWriteInputTokens: 200,
        cacheDetails: [{ ttl: "1h", inputTokens: 200 }],
      },
    },
    usage: {
      input_tokens: 2010,
      output_tokens: 3,
      total_tokens: 2013,
      cache_read_tokens: 1796,
      cache_creation_tokens: 200,
    },
    prices: SONNET,
    cost: (14 * 3 + 1796 * 0.3 + 200 * 6 + 3 * 15) / 1e6,
  },
  {
    name: "xAI: reasoning beside the answer, as the total says",
    source: "docs.x.ai/docs/guides/reasoning",
    provider: provider("xai"),
    path: CHAT,
    model: "grok-3-mini",
    answer: chatAnswer({
      prompt_tokens: 32,
      completion_tokens: 9,
      total_tokens: 135,
      prompt_tokens_details: { cached_tokens: 6 },
      completion_tokens_details: { reasoning_tokens: 94 },
    }),
    usage: {
      input_tokens: 32,
      output_tokens: 103,
      total_tokens: 135,
      cache_read_tokens: 6,
      reasoning_tokens: 94,
    },
    prices: { input: 0.3, output: 0.5, read: 0.075 },
    cost: (26 * 0.3 + 6 * 0.075 + 103 * 0.5) / 1e6,
  },
  {
    name: "DeepSeek: hits and misses of the cache",
    source: "api-docs.deepseek.com/guides/kv_cache",
    provider: provider("deepseek"),
    path: "/chat/completions",
    model: "deepseek-reasoner",
    answer: chatAnswer({
      prompt_tokens: 1000,
      completion_tokens: 500,
      total_tokens: 1500,
      prompt_cache_hit_tokens: 640,
      prompt_cache_miss_tokens: 360,
      completion_tokens_details: { reasoning_tokens: 400 },
    }),
    usage: {
      input_tokens: 1000,
      output_tokens: 500,
      total_tokens: 1500,
      cache_read_tokens: 640,
      reasoning_tokens: 400,
    },
    prices: { input: 0.28, output: 0.42, read: 0.028 },
    cost: (360 * 0.28 + 640 * 0.028 + 500 * 0.42) / 1e6,
  },
  {
    name: "Moonshot: in the choice of the last chunk",
    source: "platform.moonshot.ai/docs/api/chat",
    provider: provider("moonshotai"),
    path: CHAT,
    model: "kimi-k2",
    answer: sse(
      { object: "chat.completion.chunk", choices: [{ index: 0, delta: { content: "Hi" } }] },
      {
        object: "chat.completion.chunk",
        choices: [
          {
            index: 0,
            delta: {},
            finish_reason: "stop",
            usage: { prompt_tokens: 19, completion_tokens: 13, total_tokens: 32, cached_tokens: 10 },
          },
        ],
      },
      "[DONE]",
    ),
    usage: { input_tokens: 19, output_tokens: 13, total_tokens: 32, cache_read_tokens: 10 },
    prices: { input: 0.6, output: 2.5, read: 0.15 },
    cost: (9 * 0.6 + 10 * 0.15 + 13 * 2.5) / 1e6,
  },
  {
    name: "OpenRouter: read and written",
    source: "github.com/aaif-goose/goose/issues/11472",
    provider: provider("openrouter"),
    path: "/api/v1/chat/completions",
    model: "anthropic/claude-sonnet-4.5",
    answer: chatAnswer({
      prompt_tokens: 2600,
      completion_tokens: 300,
      total_tokens: 2900,
      cost: 0.00912,
      prompt_tokens_details: { cached_tokens: 2000, cache_write_tokens: 400 },
    }),
    usage: {
      input_tokens: 2600,
      output_tokens: 300,
      total_tokens: 2900,
      cache_read_tokens: 2000,
      cache_creation_tokens: 400,
    },
    prices: SONNET,
    cost: (200 * 3 + 2000 * 0.3 + 400 * 3.75 + 300 * 15) / 1e6,
  },
  {
    name: "LiteLLM: both dialects, the cache within",
    source: "docs.litellm.ai/docs/completion/prompt_caching",
    provider: provider("gateway"),
    path: CHAT,
    model: "claude-sonnet-4-5",
    answer: chatAnswer({
      prompt_tokens: 2096,
      completion_tokens: 50,
      total_tokens: 2146,
      prompt_tokens_details: { cached_tokens: 1800 },
      cache_creation_input_tokens: 200,
      cache_read_input_tokens: 1800,
    }),
    usage: {
      input_tokens: 2096,
      output_tokens: 50,
      total_tokens: 2146,
      cache_read_tokens: 1800,
      cache_creation_tokens: 200,
    },
    prices: SONNET,
    cost: (96 * 3 + 1800 * 0.3 + 200 * 3.75 + 50 * 15) / 1e6,
  },
  {
    name: "a gateway that fills in the names of responses with zeros",
    source: "github.com/QuantumNous/new-api, dto.Usage",
    provider: provider("gateway"),
    path: CHAT,
    model: "gpt-4o",
    answer: chatAnswer({
      prompt_tokens: 2600,
      completion_tokens: 300,
      total_tokens: 2900,
      prompt_tokens_details: { cached_tokens: 2000, text_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
      input_tokens: 0,
      output_tokens: 0,
      input_tokens_details: null,
    }),
    usage: {
      input_tokens: 2600,
      output_tokens: 300,
      total_tokens: 2900,
      cache_read_tokens: 2000,
      reasoning_tokens: 0,
    },
    prices: { input: 2.5, output: 10, read: 1.25 },
    cost: (600 * 2.5 + 2000 * 1.25 + 300 * 10) / 1e6,
  },
  {
    name: "Perplexity's deep research: reasoning beside the answer and the total, at its own price",
    source: "docs.perplexity.ai/getting-started/models/models/sonar-deep-research",
    provider: provider("perplexity"),
    path: "/chat/completions",
    model: "sonar-deep-research",
    answer: chatAnswer({
      prompt_tokens: 33,
      completion_tokens: 7163,
      total_tokens: 7196,
      citation_tokens: 69_336,
      num_search_queries: 18,
      reasoning_tokens: 73_997,
    }),
    usage: { input_tokens: 33, output_tokens: 81_160, total_tokens: 81_193, reasoning_tokens: 73_997 },
    prices: { input: 2, output: 8, reasoning: 3 },
    cost: (33 * 2 + 7163 * 8 + 73_997 * 3) / 1e6,
  },
  {
    name: "llama.cpp, asked for no usage: its timings",
    source: "github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
    provider: provider("llamacpp"),
    path: CHAT,
    model: "qwen3",
    answer: sse(
      { choices: [{ index: 0, delta: { content: "Hi" } }] },
      {
        choices: [{ index: 0, delta: {}, finish_reason: "stop" }],
        timings: { cache_n: 236, prompt_n: 1, predicted_n: 35 },
      },
      "[DONE]",
    ),
    usage: { input_tokens: 237, output_tokens: 35, cache_read_tokens: 236 },
    prices: { input: 0, output: 0 },
    cost: undefined,
  },
  {
    name: "a cache whose price nobody tells has no cost",
    source: "groq.com prompt caching; prices made up",
    provider: provider("groq"),
    path: "/openai/v1/chat/completions",
    model: "kimi-k2",
    answer: sse(
      { choices: [{ index: 0, delta: { content: "Hi" } }] },
      {
        choices: [{ index: 0, delta: {}, finish_reason: "stop" }],
        x_groq: {
          usage: {
            prompt_tokens: 100,
            completion_tokens: 9,
            total_tokens: 109,
            prompt_tokens_details: { cached_tokens: 64 },
          },
        },
      },
      "[DONE]",
    ),
    usage: { input_tokens: 100, output_tokens: 9, total_tokens: 109, cache_read_tokens: 64 },
    prices: { input: 1, output: 3 },
    cost: undefined,
  },
];

function interactionOf({ path, model, answer, provider }: Recorded): Interaction {
  const isStream = typeof answer === "string";
  const exchange = exchangeOf({
    path,
    request: { model, messages: [{ role: "user", content: "Hello" }], stream: isStream },
    response: answer,
    responseFields: [["content-type", isStream ? "text/event-stream" : "application/json"]],
  });
  return readInteraction(exchange, { parsers: PARSERS, provider })!;
}

function costOf(recorded: Recorded, interaction: Interaction): number | undefined {
  const { provider, model, prices } = recorded;
  const perThousand = {
    inputCostPer1k: prices.input / 1000,
    outputCostPer1k: prices.output / 1000,
    cacheReadCostPer1k: prices.read && prices.read / 1000,
    cacheWriteCostPer1k: prices.write && prices.write / 1000,
    reasoningCostPer1k: prices.reasoning && prices.reasoning / 1000,
  };
  const known = Object.fromEntries(Object.entries(perThousand).filter(([, price]) => price !== undefined));
  const info = { id: model, provider: provider.id, ...(known as Prices) };
  return costUsd(interaction, new Map([[`${provider.id}/${model}`, info]]));
}

describe("a recorded usage", () => {
  test.each(RECORDED.map((recorded) => [recorded.name, recorded] as const))("%s", (_, recorded) => {
    const interaction = interactionOf(recorded);
    expect(interaction.response?.usage).toEqual(recorded.usage);
    const cost = costOf(recorded, interaction);
    if (recorded.cost === undefined) expect(cost).toBeUndefined();
    else expect(cost).toBeCloseTo(recorded.cost, 12);
  });
});

test("feed, stats and events tell the same sums", async () => {
  const events = RECORDED.map((recorded): OximyEvent => {
    const interaction = interactionOf(recorded);
    const cost = costOf(recorded, interaction);
    return sampleEvent({
      interaction: { ...interaction, ...(cost !== undefined && { cost_usd: cost }) },
    });
  });
  const counted: OximyEvent = sampleEvent({
    interaction: {
      model: "claude-sonnet-4-5",
      provider: "anthropic",
      type: "token_count",
      request: {},
      response: { usage: { input_tokens: 1e9 } },
    },
  });
  const sum = (pick: (recorded: Recorded) => number | undefined) =>
    RECORDED.reduce((total, recorded) => total + (pick(recorded) ?? 0), 0);
  const { total } = await summarise([...events, counted]);
  expect(total.input_tokens).toBe(sum(({ usage }) => usage.input_tokens));
  expect(total.output_tokens).toBe(sum(({ usage }) => usage.output_tokens));
  expect(total.cost_usd).toBeCloseTo(
    sum(({ cost }) => cost),
    10,
  );
  for (const [index, { usage }] of RECORDED.entries()) {
    const line = feedLine(events[index]!, { colour: "none" });
    expect(line).toContain(`${usage.input_tokens} in ${usage.output_tokens} out`);
  }
});
