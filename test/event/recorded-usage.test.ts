import { describe, expect, test } from "vitest";
import { costUsd } from "../../src/event/cost.js";
import { type OximyEvent, SCHEMA_VERSION } from "../../src/event/event.js";
import type { Interaction, Usage } from "../../src/interaction/interaction.js";
import { readInteraction } from "../../src/interaction/read.js";
import type { Prices, Provider } from "../../src/oisp/bundle.js";
import { loadEmbedded } from "../../src/oisp/load.js";
import { feedLine } from "../../src/sinks/feed.js";
import { summarise } from "../../src/traces/event-stats.js";
import { exchangeOf, PARSERS, sse } from "../interaction/exchanges.js";
import { sampleEvent } from "../sinks/sample-event.js";
import { validateEvent } from "./schema.js";

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
  {
    name: "Azure: as OpenAI, what is not counted is null",
    source: "learn.microsoft.com/azure/ai-services/openai/how-to/prompt-caching",
    provider: provider("azure_openai"),
    path: "/openai/deployments/o1/chat/completions?api-version=2024-10-21",
    model: "o1",
    answer: chatAnswer({
      completion_tokens: 1518,
      prompt_tokens: 1566,
      total_tokens: 3084,
      completion_tokens_details: { audio_tokens: null, reasoning_tokens: 576 },
      prompt_tokens_details: { audio_tokens: null, cached_tokens: 1408 },
    }),
    usage: {
      input_tokens: 1566,
      output_tokens: 1518,
      total_tokens: 3084,
      cache_read_tokens: 1408,
      reasoning_tokens: 576,
    },
    prices: { input: 15, output: 60, read: 7.5 },
    cost: (158 * 15 + 1408 * 7.5 + 1518 * 60) / 1e6,
  },
  {
    name: "Google, all thoughts and no answer: candidates are left out",
    source: "github.com/router-for-me/CLIProxyAPI/issues/5733",
    provider: provider("google_vertex", "google"),
    path: "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-flash:generateContent",
    model: "gemini-2.5-flash",
    answer: geminiAnswer({ promptTokenCount: 21, thoughtsTokenCount: 60, totalTokenCount: 81 }),
    usage: { input_tokens: 21, output_tokens: 60, total_tokens: 81, reasoning_tokens: 60 },
    prices: { input: 0.3, output: 2.5 },
    cost: (21 * 0.3 + 60 * 2.5) / 1e6,
  },
  {
    name: "Google's endpoint for OpenAI's clients: thoughts in the total alone, a usage in each chunk",
    source: "discuss.ai.google.dev/t/127400",
    provider: provider("google"),
    path: "/v1beta/openai/chat/completions",
    model: "gemini-3-flash-preview",
    answer: sse(
      {
        object: "chat.completion.chunk",
        choices: [{ delta: { content: "1", role: "assistant" }, index: 0 }],
        usage: { completion_tokens: 1, prompt_tokens: 9, total_tokens: 103 },
      },
      {
        object: "chat.completion.chunk",
        choices: [{ delta: { content: ", ", role: "assistant" }, finish_reason: "length", index: 0 }],
        usage: { completion_tokens: 3, prompt_tokens: 9, total_tokens: 105 },
      },
      "[DONE]",
    ),
    usage: { input_tokens: 9, output_tokens: 96, total_tokens: 105 },
    prices: { input: 0.5, output: 3 },
    cost: (9 * 0.5 + 96 * 3) / 1e6,
  },
  {
    name: "a gateway before Google that counts thoughts beside no answer at all",
    source: "github.com/router-for-me/CLIProxyAPI/issues/5733",
    provider: provider("gateway"),
    path: CHAT,
    model: "gemini-2.5-flash",
    answer: chatAnswer({
      completion_tokens: 0,
      total_tokens: 81,
      prompt_tokens: 21,
      completion_tokens_details: { reasoning_tokens: 60 },
    }),
    usage: { input_tokens: 21, output_tokens: 60, total_tokens: 81, reasoning_tokens: 60 },
    prices: { input: 0.3, output: 2.5 },
    cost: (21 * 0.3 + 60 * 2.5) / 1e6,
  },
  {
    name: "Bedrock's InvokeModel of Claude: Anthropic's own names",
    source: "docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html",
    provider: provider("aws_bedrock", "bedrock"),
    path: "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke",
    model: "anthropic.claude-sonnet-4-5-20250929-v1:0",
    answer: {
      type: "message",
      content: [{ type: "text", text: "Hi" }],
      usage: {
        input_tokens: 14,
        cache_creation_input_tokens: 200,
        cache_read_input_tokens: 1796,
        cache_creation: { ephemeral_5m_input_tokens: 200, ephemeral_1h_input_tokens: 0 },
        output_tokens: 3,
      },
    },
    usage: { input_tokens: 2010, output_tokens: 3, cache_read_tokens: 1796, cache_creation_tokens: 200 },
    prices: SONNET,
    cost: (14 * 3 + 1796 * 0.3 + 200 * 3.75 + 3 * 15) / 1e6,
  },
  {
    name: "Bedrock's InvokeModel of Nova: names that end in Count for the cache, beside the input",
    source: "docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html",
    provider: provider("aws_bedrock", "bedrock"),
    path: "/model/us.amazon.nova-pro-v1%3A0/invoke",
    model: "us.amazon.nova-pro-v1:0",
    answer: {
      output: { message: { role: "assistant", content: [{ text: "Hi" }] } },
      stopReason: "end_turn",
      usage: {
        inputTokens: 4,
        outputTokens: 53,
        totalTokens: 1589,
        cacheReadInputTokenCount: 1532,
        cacheWriteInputTokenCount: 0,
      },
    },
    usage: {
      input_tokens: 1536,
      output_tokens: 53,
      total_tokens: 1589,
      cache_read_tokens: 1532,
      cache_creation_tokens: 0,
    },
    prices: { input: 0.8, output: 3.2, read: 0.2 },
    cost: (4 * 0.8 + 1532 * 0.2 + 53 * 3.2) / 1e6,
  },
  {
    name: "Mistral: cached tokens within the prompt, at a tenth of its price",
    source: "docs.mistral.ai/inference/conversations/advanced/prompt-caching",
    provider: provider("mistral"),
    path: CHAT,
    model: "mistral-large-2512",
    answer: chatAnswer({
      prompt_tokens: 1024,
      completion_tokens: 100,
      total_tokens: 1124,
      prompt_audio_seconds: {},
      prompt_tokens_details: { cached_tokens: 960 },
    }),
    usage: { input_tokens: 1024, output_tokens: 100, total_tokens: 1124, cache_read_tokens: 960 },
    prices: { input: 0.5, output: 1.5, read: 0.05 },
    cost: (64 * 0.5 + 960 * 0.05 + 100 * 1.5) / 1e6,
  },
  {
    name: "Cohere v2: what it adds by itself is seen by the model and not charged",
    source:
      "docs.cohere.com/docs/how-does-cohere-pricing-work, cohere-python's types Usage and UsageBilledUnits",
    provider: provider("cohere", "cohere"),
    path: "/v2/chat",
    model: "command-a-03-2025",
    answer: {
      finish_reason: "COMPLETE",
      message: { role: "assistant", content: [{ type: "text", text: "Hi" }] },
      usage: {
        billed_units: { input_tokens: 5, output_tokens: 418 },
        tokens: { input_tokens: 571, output_tokens: 420 },
        cached_tokens: 512,
      },
    },
    usage: { input_tokens: 571, output_tokens: 420, cache_read_tokens: 512 },
    prices: { input: 2.5, output: 10 },
    cost: (5 * 2.5 + 418 * 10) / 1e6,
  },
  {
    name: "Cohere v1: the same in its meta",
    source: "cohere-python's types ApiMeta and ApiMetaBilledUnits",
    provider: provider("cohere", "cohere"),
    path: "/v1/chat",
    model: "command-r-08-2024",
    answer: {
      text: "Hi",
      finish_reason: "COMPLETE",
      meta: {
        api_version: { version: "1" },
        billed_units: { input_tokens: 17, output_tokens: 12 },
        tokens: { input_tokens: 83, output_tokens: 12 },
      },
    },
    usage: { input_tokens: 83, output_tokens: 12 },
    prices: { input: 0.15, output: 0.6 },
    cost: (17 * 0.15 + 12 * 0.6) / 1e6,
  },
  {
    name: "Groq: seconds beside tokens",
    source: "groq-typescript, CompletionUsage; console.groq.com/docs/prompt-caching",
    provider: provider("groq"),
    path: "/openai/v1/chat/completions",
    model: "openai/gpt-oss-120b",
    answer: chatAnswer({
      queue_time: 0.026,
      prompt_tokens: 4641,
      prompt_time: 0.009,
      completion_tokens: 1817,
      completion_time: 5.57,
      total_tokens: 6458,
      total_time: 5.58,
      prompt_tokens_details: { cached_tokens: 4608 },
      completion_tokens_details: { reasoning_tokens: 1200 },
    }),
    usage: {
      input_tokens: 4641,
      output_tokens: 1817,
      total_tokens: 6458,
      cache_read_tokens: 4608,
      reasoning_tokens: 1200,
    },
    prices: { input: 0.15, output: 0.6, read: 0.075 },
    cost: (33 * 0.15 + 4608 * 0.075 + 1817 * 0.6) / 1e6,
  },
  {
    name: "xAI chat: cached tokens within the prompt",
    source: "docs.x.ai/developers/advanced-api-usage/prompt-caching/usage-and-pricing",
    provider: provider("xai"),
    path: CHAT,
    model: "grok-4",
    answer: chatAnswer({
      prompt_tokens: 125,
      completion_tokens: 48,
      total_tokens: 173,
      prompt_tokens_details: { text_tokens: 125, audio_tokens: 0, image_tokens: 0, cached_tokens: 98 },
      completion_tokens_details: {
        reasoning_tokens: 0,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    }),
    usage: {
      input_tokens: 125,
      output_tokens: 48,
      total_tokens: 173,
      cache_read_tokens: 98,
      reasoning_tokens: 0,
    },
    prices: { input: 3, output: 15, read: 0.75 },
    cost: (27 * 3 + 98 * 0.75 + 48 * 15) / 1e6,
  },
  {
    name: "xAI responses",
    source: "docs.x.ai/developers/advanced-api-usage/prompt-caching/usage-and-pricing",
    provider: provider("xai"),
    path: "/v1/responses",
    model: "grok-4",
    answer: {
      object: "response",
      output: [],
      usage: {
        input_tokens: 125,
        output_tokens: 48,
        total_tokens: 173,
        input_tokens_details: { cached_tokens: 98 },
        output_tokens_details: { reasoning_tokens: 0 },
      },
    },
    usage: {
      input_tokens: 125,
      output_tokens: 48,
      total_tokens: 173,
      cache_read_tokens: 98,
      reasoning_tokens: 0,
    },
    prices: { input: 3, output: 15, read: 0.75 },
    cost: (27 * 3 + 98 * 0.75 + 48 * 15) / 1e6,
  },
  {
    name: "Perplexity: its own cost in dollars beside the tokens",
    source: "docs.perplexity.ai/api-reference/chat-completions-post, usage.cost",
    provider: provider("perplexity"),
    path: "/chat/completions",
    model: "sonar",
    answer: chatAnswer({
      prompt_tokens: 8,
      completion_tokens: 439,
      total_tokens: 447,
      search_context_size: "low",
      cost: {
        input_tokens_cost: 0.000008,
        output_tokens_cost: 0.000439,
        request_cost: 0.005,
        total_cost: 0.005447,
      },
    }),
    usage: { input_tokens: 8, output_tokens: 439, total_tokens: 447 },
    prices: { input: 1, output: 1 },
    cost: (8 * 1 + 439 * 1) / 1e6,
  },
  {
    name: "Together: cached tokens at the top of the usage",
    source: "together-python's UsageData; the name is Moonshot's",
    provider: provider("togetherai"),
    path: CHAT,
    model: "moonshotai/Kimi-K2",
    answer: chatAnswer({
      prompt_tokens: 1200,
      completion_tokens: 40,
      total_tokens: 1240,
      cached_tokens: 1024,
    }),
    usage: { input_tokens: 1200, output_tokens: 40, total_tokens: 1240, cache_read_tokens: 1024 },
    prices: { input: 1, output: 3, read: 0.5 },
    cost: (176 * 1 + 1024 * 0.5 + 40 * 3) / 1e6,
  },
  {
    name: "Fireworks: cached tokens within the prompt",
    source: "fw-ai-external/python-sdk, types/shared/usage_info.py; docs.fireworks.ai, What is a token?",
    provider: provider("fireworks"),
    path: "/inference/v1/chat/completions",
    model: "accounts/fireworks/models/glm-4p6",
    answer: chatAnswer({
      prompt_tokens: 2000,
      total_tokens: 2200,
      completion_tokens: 200,
      prompt_tokens_details: { cached_tokens: 1600 },
    }),
    usage: { input_tokens: 2000, output_tokens: 200, total_tokens: 2200, cache_read_tokens: 1600 },
    prices: { input: 0.55, output: 2.19, read: 0.28 },
    cost: (400 * 0.55 + 1600 * 0.28 + 200 * 2.19) / 1e6,
  },
  {
    name: "OpenRouter: reasoning within the output, details of its own cost",
    source: "openrouter.ai/docs/use-cases/usage-accounting",
    provider: provider("openrouter"),
    path: "/api/v1/chat/completions",
    model: "openai/gpt-5",
    answer: chatAnswer({
      completion_tokens: 900,
      completion_tokens_details: { reasoning_tokens: 640 },
      cost: 0.95,
      cost_details: { upstream_inference_cost: 19 },
      prompt_tokens: 194,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      total_tokens: 1094,
      is_byok: false,
    }),
    usage: {
      input_tokens: 194,
      output_tokens: 900,
      total_tokens: 1094,
      cache_read_tokens: 0,
      reasoning_tokens: 640,
    },
    prices: { input: 1.25, output: 10 },
    cost: (194 * 1.25 + 900 * 10) / 1e6,
  },
  {
    name: "Ollama's own API: counts at the top of the answer",
    source: "github.com/ollama/ollama/blob/main/docs/api.md",
    provider: provider("ollama", "ollama"),
    path: "/api/chat",
    model: "llama3.2",
    answer: {
      model: "llama3.2",
      message: { role: "assistant", content: "Hi" },
      done: true,
      done_reason: "stop",
      total_duration: 4_883_583_458,
      prompt_eval_count: 26,
      prompt_eval_duration: 342_546_000,
      eval_count: 282,
      eval_duration: 4_535_599_000,
    },
    usage: { input_tokens: 26, output_tokens: 282 },
    prices: { input: 0, output: 0 },
    cost: 0,
  },
  {
    name: "LM Studio: reasoning within the output, speeds beside the usage",
    source: "lmstudio.ai/docs/developer/rest/endpoints",
    provider: provider("lmstudio"),
    path: CHAT,
    model: "qwen/qwen3-4b",
    answer: {
      ...chatAnswer({
        prompt_tokens: 24,
        completion_tokens: 53,
        total_tokens: 77,
        completion_tokens_details: { reasoning_tokens: 31 },
      }),
      stats: { tokens_per_second: 51.4, time_to_first_token: 0.1, generation_time: 0.9 },
    },
    usage: { input_tokens: 24, output_tokens: 53, total_tokens: 77, reasoning_tokens: 31 },
    prices: { input: 0, output: 0 },
    cost: 0,
  },
  {
    name: "vLLM: details that are null where nothing is counted",
    source: "github.com/BerriAI/litellm/issues/22984",
    provider: provider("vllm"),
    path: CHAT,
    model: "qwen3",
    answer: chatAnswer({
      total_tokens: 150_687,
      prompt_tokens: 150_383,
      completion_tokens: 304,
      prompt_tokens_details: {
        text_tokens: null,
        audio_tokens: null,
        image_tokens: null,
        cached_tokens: 149_936,
      },
      completion_tokens_details: { text_tokens: null, audio_tokens: null, reasoning_tokens: 15 },
    }),
    usage: {
      input_tokens: 150_383,
      output_tokens: 304,
      total_tokens: 150_687,
      cache_read_tokens: 149_936,
      reasoning_tokens: 15,
    },
    prices: { input: 0.2, output: 0.8, read: 0.02 },
    cost: (447 * 0.2 + 149_936 * 0.02 + 304 * 0.8) / 1e6,
  },
  {
    name: "vLLM that does not tell its cache",
    source: "github.com/vllm-project/vllm, entrypoints/openai: UsageInfo",
    provider: provider("vllm"),
    path: CHAT,
    model: "qwen3",
    answer: chatAnswer({
      prompt_tokens: 34,
      total_tokens: 46,
      completion_tokens: 12,
      prompt_tokens_details: null,
    }),
    usage: { input_tokens: 34, output_tokens: 12, total_tokens: 46 },
    prices: { input: 0.2, output: 0.8 },
    cost: (34 * 0.2 + 12 * 0.8) / 1e6,
  },
  {
    name: "Qwen: a cache that was asked for, written within the prompt at 125%",
    source: "alibabacloud.com/help/en/model-studio/context-cache",
    provider: provider("alibaba"),
    path: "/compatible-mode/v1/chat/completions",
    model: "qwen3-coder-plus",
    answer: chatAnswer({
      prompt_tokens: 3019,
      completion_tokens: 104,
      total_tokens: 3123,
      prompt_tokens_details: {
        cached_tokens: 1024,
        cache_creation: { ephemeral_5m_input_tokens: 1605 },
        cache_creation_input_tokens: 1605,
        cache_type: "ephemeral",
      },
    }),
    usage: {
      input_tokens: 3019,
      output_tokens: 104,
      total_tokens: 3123,
      cache_read_tokens: 1024,
      cache_creation_tokens: 1605,
    },
    prices: { input: 1, output: 5, read: 0.1, write: 1.25 },
    cost: (390 * 1 + 1024 * 0.1 + 1605 * 1.25 + 104 * 5) / 1e6,
  },
  {
    name: "GLM: cached tokens within the prompt",
    source: "docs.z.ai/guides/capabilities/cache",
    provider: provider("zhipuai"),
    path: "/api/paas/v4/chat/completions",
    model: "glm-4.6",
    answer: chatAnswer({
      prompt_tokens: 1200,
      completion_tokens: 300,
      total_tokens: 1500,
      prompt_tokens_details: { cached_tokens: 800 },
    }),
    usage: { input_tokens: 1200, output_tokens: 300, total_tokens: 1500, cache_read_tokens: 800 },
    prices: { input: 0.6, output: 2.2, read: 0.11 },
    cost: (400 * 0.6 + 800 * 0.11 + 300 * 2.2) / 1e6,
  },
  {
    name: "MiniMax: a cache that is written, beside the input",
    source: "platform.minimax.io/docs/api-reference/anthropic-api-compatible-cache",
    provider: provider("minimax", "anthropic"),
    path: "/anthropic/v1/messages",
    model: "MiniMax-M2.1",
    answer: {
      type: "message",
      content: [{ type: "text", text: "Hi" }],
      usage: {
        cache_creation_input_tokens: 188_086,
        cache_read_input_tokens: 0,
        input_tokens: 21,
        output_tokens: 393,
      },
    },
    usage: {
      input_tokens: 188_107,
      output_tokens: 393,
      cache_read_tokens: 0,
      cache_creation_tokens: 188_086,
    },
    prices: { input: 0.3, output: 1.2, read: 0.03, write: 0.375 },
    cost: (21 * 0.3 + 188_086 * 0.375 + 393 * 1.2) / 1e6,
  },
  {
    name: "MiniMax for OpenAI's clients: characters beside tokens",
    source: "platform.minimax.io/docs/api-reference/text-openai-api",
    provider: provider("minimax"),
    path: "/v1/text/chatcompletion_v2",
    model: "MiniMax-M2.1",
    answer: chatAnswer({
      total_tokens: 1100,
      total_characters: 0,
      prompt_tokens: 1000,
      completion_tokens: 100,
      prompt_tokens_details: { cached_tokens: 896 },
      completion_tokens_details: { reasoning_tokens: 72 },
    }),
    usage: {
      input_tokens: 1000,
      output_tokens: 100,
      total_tokens: 1100,
      cache_read_tokens: 896,
      reasoning_tokens: 72,
    },
    prices: { input: 0.3, output: 1.2, read: 0.03 },
    cost: (104 * 0.3 + 896 * 0.03 + 100 * 1.2) / 1e6,
  },
  {
    name: "Copilot: Claude in OpenAI's format, the cache within the prompt, no writes",
    source: "microsoft/vscode-copilot-chat, APIUsage; counts of github.com/ccusage/ccusage/issues/1364",
    provider: provider("github_copilot"),
    path: "/chat/completions",
    model: "claude-sonnet-4.6",
    answer: chatAnswer({
      prompt_tokens: 35_925,
      completion_tokens: 370,
      total_tokens: 36_295,
      prompt_tokens_details: { cached_tokens: 35_067 },
    }),
    usage: { input_tokens: 35_925, output_tokens: 370, total_tokens: 36_295, cache_read_tokens: 35_067 },
    prices: SONNET,
    cost: (858 * 3 + 35_067 * 0.3 + 370 * 15) / 1e6,
  },
  {
    name: "Cerebras: no details of the output",
    source: "Cerebras/cerebras-cloud-sdk-python, ChatCompletionResponseUsage",
    provider: provider("cerebras"),
    path: CHAT,
    model: "gpt-oss-120b",
    answer: chatAnswer({
      prompt_tokens: 512,
      completion_tokens: 64,
      total_tokens: 576,
      prompt_tokens_details: { cached_tokens: 384 },
      completion_tokens_details: { accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
    }),
    usage: { input_tokens: 512, output_tokens: 64, total_tokens: 576, cache_read_tokens: 384 },
    prices: { input: 0.35, output: 0.75, read: 0.35 },
    cost: (512 * 0.35 + 64 * 0.75) / 1e6,
  },
  {
    name: "SambaNova: rates that have tokens in their names are no counts",
    source: "sambanova/sambanova-python, types/chat/chat_completion_response.py",
    provider: provider("sambanova"),
    path: CHAT,
    model: "DeepSeek-V3.1",
    answer: chatAnswer({
      acceptance_rate: 4.6,
      completion_tokens: 88,
      completion_tokens_after_first_per_sec: 170.3,
      completion_tokens_per_sec: 160.1,
      prompt_tokens: 43,
      prompt_tokens_details: { cached_tokens: 0 },
      total_tokens: 131,
      total_tokens_per_sec: 238.3,
      time_to_first_token: 0.05,
    }),
    usage: { input_tokens: 43, output_tokens: 88, total_tokens: 131, cache_read_tokens: 0 },
    prices: { input: 3, output: 4.5 },
    cost: (43 * 3 + 88 * 4.5) / 1e6,
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

describe("the bundle's own prices give what was worked out by hand", () => {
  const { models } = loadEmbedded().bundle;
  const priced = RECORDED.filter(({ provider, model }) => models.has(`${provider.id}/${model}`));

  test("for every provider whose prices it has", () => {
    const providers = new Set(priced.map(({ provider }) => provider.id));
    expect(providers).toEqual(new Set([...models.values()].map(({ provider }) => provider)));
  });

  test.each(priced.map((recorded) => [recorded.name, recorded] as const))("%s", (_, recorded) => {
    expect(costUsd(interactionOf(recorded), models)).toBeCloseTo(recorded.cost!, 12);
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
  for (const event of events) validateEvent({ ...event, schema_version: SCHEMA_VERSION });
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
