import { expect, test } from "vitest";
import { costUsd } from "../../src/event/cost.js";
import type { Interaction, Usage } from "../../src/interaction/interaction.js";
import type { ModelInfo } from "../../src/oisp/bundle.js";

/** Prices per 1,000 tokens as the published bundle has them. */
const models = new Map<string, ModelInfo>(
  (
    [
      ["openai", "gpt-4", 0.03, 0.06, undefined, undefined],
      ["openai", "gpt-4.1", 0.002, 0.008, 0.0005, undefined],
      ["openai", "gpt-4o", 0.0025, 0.01, 0.00125, undefined],
      ["openai", "gpt-4o-2024-05-13", 0.005, 0.015, undefined, undefined],
      ["openai", "o3", 0.002, 0.008, 0.0005, undefined],
      ["anthropic", "claude-sonnet-4-5", 0.003, 0.015, 0.0003, 0.00375],
      ["google", "gemini-2.5-pro", 0.00125, 0.01, 0.00031, undefined],
      ["unpriced", "model", undefined, undefined, undefined, undefined],
    ] as const
  ).map(([provider, id, inputCostPer1k, outputCostPer1k, cacheReadCostPer1k, cacheWriteCostPer1k]) => [
    `${provider}/${id}`,
    { id, provider, inputCostPer1k, outputCostPer1k, cacheReadCostPer1k, cacheWriteCostPer1k },
  ]),
);

function cost(provider: string | null, model: string, usage: Usage | undefined): number | undefined {
  const interaction: Interaction = { model, provider, type: "chat", request: {}, response: { model, usage } };
  return costUsd(interaction, models);
}

test.each<[string, string, string, Usage, number]>([
  ["input and output", "openai", "gpt-4", { input_tokens: 5, output_tokens: 3 }, 0.00033],
  [
    "OpenAI: cached tokens within the input, reasoning within the output",
    "openai",
    "o3",
    {
      input_tokens: 1000,
      output_tokens: 500,
      total_tokens: 1500,
      cache_read_tokens: 400,
      reasoning_tokens: 300,
    },
    (600 * 0.002 + 400 * 0.0005 + 500 * 0.008) / 1000,
  ],
  [
    "Anthropic: tokens read from the cache and written to it at their own prices",
    "anthropic",
    "claude-sonnet-4-5",
    { input_tokens: 1600, output_tokens: 100, cache_read_tokens: 400, cache_creation_tokens: 200 },
    (1000 * 0.003 + 400 * 0.0003 + 200 * 0.00375 + 100 * 0.015) / 1000,
  ],
  [
    "Google: thoughts as output, cached tokens within the input",
    "google",
    "models/gemini-2.5-pro",
    {
      input_tokens: 1000,
      output_tokens: 300,
      total_tokens: 1300,
      cache_read_tokens: 400,
      reasoning_tokens: 200,
    },
    (600 * 0.00125 + 400 * 0.00031 + 300 * 0.01) / 1000,
  ],
  [
    "a snapshot costs what its model costs",
    "openai",
    "gpt-4.1-2025-04-14",
    { input_tokens: 1000, output_tokens: 0 },
    0.002,
  ],
  ["a known snapshot has its own price", "openai", "gpt-4o-2024-05-13", { input_tokens: 1000 }, 0.005],
])("%s", (_, provider, model, usage, expected) => {
  expect(cost(provider, model, usage)).toBeCloseTo(expected, 12);
});

test("counting tokens costs nothing, and is no use of the model", () => {
  const interaction: Interaction = {
    model: "gpt-4",
    provider: "openai",
    type: "token_count",
    request: {},
    response: { usage: { input_tokens: 5 } },
  };
  expect(costUsd(interaction, models)).toBeUndefined();
});

test("a long input has the prices of long inputs, for all of the call", () => {
  const long = {
    above: 200_000,
    inputCostPer1k: 0.0025,
    outputCostPer1k: 0.015,
    cacheReadCostPer1k: 0.00025,
  };
  const priced = new Map([
    [
      "google/pro",
      { id: "pro", provider: "google", inputCostPer1k: 0.00125, outputCostPer1k: 0.01, longContext: long },
    ],
  ]);
  const costOf = (input_tokens: number) =>
    costUsd(
      {
        model: "pro",
        provider: "google",
        type: "chat",
        request: {},
        response: { usage: { input_tokens, output_tokens: 1000 } },
      },
      priced,
    );
  expect(costOf(200_000)).toBeCloseTo(0.25 + 0.01, 12);
  expect(costOf(200_001)).toBeCloseTo((200_001 * 0.0025) / 1000 + 0.015, 12);
});

test.each<[string, string | null, string, Usage | undefined]>([
  ["an unknown model", "openai", "gpt-99", { input_tokens: 5 }],
  ["an unknown snapshot of a model that was repriced", "openai", "gpt-4o-2099-01-01", { input_tokens: 5 }],
  ["a short date, which has told other prices apart", "openai", "gpt-4-0613", { input_tokens: 5 }],
  ["a model without price", "unpriced", "model", { input_tokens: 5 }],
  ["no usage", "openai", "gpt-4", undefined],
  ["an unknown input", "openai", "gpt-4", { output_tokens: 5 }],
  ["a cache whose price is unknown", "openai", "gpt-4", { input_tokens: 5, cache_read_tokens: 3 }],
  ["a cache write whose price is unknown", "openai", "o3", { input_tokens: 5, cache_creation_tokens: 3 }],
  ["a website", null, "gpt-4", { input_tokens: 5 }],
])("%s has no cost", (_, provider, model, usage) => {
  expect(cost(provider, model, usage)).toBeUndefined();
});
