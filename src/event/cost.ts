import type { Interaction, Usage } from "../interaction/interaction.js";
import type { ModelInfo } from "../oisp/bundle.js";

type Models = ReadonlyMap<string, ModelInfo>;

/**
 * What the interaction cost in USD, estimated from the bundle's list prices (per 1,000 tokens, key
 * `provider/model`). Undefined when the model, a price that is needed, or the usage is not known.
 */
export function costUsd(interaction: Interaction, models: Models): number | undefined {
  const usage = interaction.response?.usage;
  const name = interaction.response?.model ?? interaction.model ?? interaction.request.model;
  if (usage === undefined || interaction.provider === null || typeof name !== "string") return undefined;
  const model = findModel(interaction.provider, name, models);
  return model === undefined ? undefined : price(usage, model);
}

function price(usage: Usage, model: ModelInfo): number | undefined {
  const input = usage.input_tokens ?? 0;
  const output = usage.output_tokens ?? 0;
  const cacheRead = usage.cache_read_tokens ?? 0;
  const cacheWrite = usage.cache_creation_tokens ?? 0;
  const reasoning = usage.reasoning_tokens ?? 0;
  if (input + output + cacheRead + cacheWrite + reasoning === 0) return undefined;

  const plainInput = cacheIsWithinInput(usage) ? Math.max(0, input - cacheRead - cacheWrite) : input;
  const plainOutput = reasoningIsWithinOutput(usage) ? Math.max(0, output - reasoning) : output;
  // Where the bundle has no price of its own for cached or reasoning tokens, they cost what others cost.
  const parts: ReadonlyArray<readonly [tokens: number, per1k: number | undefined]> = [
    [plainInput, model.inputCostPer1k],
    [cacheRead, model.cacheReadCostPer1k ?? model.inputCostPer1k],
    [cacheWrite, model.cacheWriteCostPer1k ?? model.inputCostPer1k],
    [plainOutput, model.outputCostPer1k],
    [reasoning, model.reasoningCostPer1k ?? model.outputCostPer1k],
  ];
  let sum = 0;
  for (const [tokens, per1k] of parts) {
    if (tokens === 0) continue;
    if (per1k === undefined) return undefined;
    sum += (tokens * per1k) / 1000;
  }
  // 5 tokens at 0.03 and 3 at 0.06 are 0.00033, not 0.00032999999999999997.
  return Number(sum.toPrecision(12));
}

/**
 * OpenAI and Google count cached tokens within `input_tokens`; Anthropic and Bedrock beside it. The total
 * tells, where it was sent. Without it: only Anthropic reports tokens written to the cache.
 */
function cacheIsWithinInput(usage: Usage): boolean {
  const input = usage.input_tokens ?? 0;
  const cached = (usage.cache_read_tokens ?? 0) + (usage.cache_creation_tokens ?? 0);
  if (cached > input) return false;
  if (usage.total_tokens !== undefined) {
    return usage.total_tokens !== input + (usage.output_tokens ?? 0) + cached;
  }
  return usage.cache_creation_tokens === undefined;
}

/** Google counts thoughts beside the output, all others within it. The total, which Google sends, tells. */
function reasoningIsWithinOutput(usage: Usage): boolean {
  const output = usage.output_tokens ?? 0;
  const reasoning = usage.reasoning_tokens ?? 0;
  if (reasoning > output) return false;
  if (usage.total_tokens === undefined) return true;
  return usage.total_tokens < (usage.input_tokens ?? 0) + output + reasoning;
}

/** A snapshot's date at the end of a model name: `-2025-04-14`, `-20250929`, `@20250929`. */
const SNAPSHOT = /^(.+?)(?:-20\d{2}-\d{2}-\d{2}|[-@]20\d{6})$/;

function findModel(provider: string, name: string, models: Models): ModelInfo | undefined {
  const id = `${provider}/${name.replace(/^models\//, "")}`;
  const exact = models.get(id);
  if (exact !== undefined) return exact;
  const base = SNAPSHOT.exec(id)?.[1];
  if (base === undefined || repricedModels(models).has(base)) return undefined;
  return models.get(base);
}

const repricedCache = new WeakMap<Models, ReadonlySet<string>>();

/**
 * Models of which a known snapshot costs something else (gpt-4o-2024-05-13 was twice the price of gpt-4o):
 * for those, the price of the base says nothing about a snapshot that the bundle does not list.
 */
function repricedModels(models: Models): ReadonlySet<string> {
  let repriced = repricedCache.get(models);
  if (repriced === undefined) {
    const found = new Set<string>();
    for (const [id, snapshot] of models) {
      const base = SNAPSHOT.exec(id)?.[1];
      const model = base === undefined ? undefined : models.get(base);
      if (base === undefined || model === undefined) continue;
      const same =
        model.inputCostPer1k === snapshot.inputCostPer1k &&
        model.outputCostPer1k === snapshot.outputCostPer1k;
      if (!same) found.add(base);
    }
    repriced = found;
    repricedCache.set(models, repriced);
  }
  return repriced;
}
