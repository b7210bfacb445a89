import type { Interaction, Usage } from "../interaction/interaction.js";
import { billedOf, hourWritesOf } from "../interaction/usage.js";
import type { ModelInfo } from "../oisp/bundle.js";

type Models = ReadonlyMap<string, ModelInfo>;

/**
 * Cost of the interaction in USD, estimated from the bundle's list prices (per 1,000 tokens, key
 * `provider/model`). Undefined when the model, a required price, or the usage is unknown. Counting tokens is free, and
 * does not count as use of a model.
 */
export function costUsd(interaction: Interaction, models: Models): number | undefined {
  const usage = interaction.response?.usage;
  const name = interaction.response?.model ?? interaction.model ?? interaction.request.model;
  if (usage === undefined || interaction.provider === null || typeof name !== "string") return undefined;
  if (interaction.type === "token_count") return undefined;
  const model = findModel(interaction.provider, name, models);
  return model === undefined ? undefined : price(billedOf(usage), model);
}

/** Price of a one-hour cache write, relative to input (docs.anthropic.com/en/docs/about-claude/pricing). */
const HOUR_WRITE = 2;

function price(usage: Usage, model: ModelInfo): number | undefined {
  const {
    input_tokens: input,
    output_tokens: output = 0,
    cache_read_tokens: cacheRead = 0,
    cache_creation_tokens: cacheWrite = 0,
    reasoning_tokens: reasoning = 0,
  } = usage;
  if (input === undefined || input + output === 0) return undefined;
  const { longContext } = model;
  const prices = longContext && input > longContext.above ? longContext : model;
  const hourWrite = Math.min(hourWritesOf(usage), cacheWrite);
  const parts: ReadonlyArray<readonly [tokens: number, per1k: number | undefined]> = [
    [Math.max(0, input - cacheRead - cacheWrite), prices.inputCostPer1k],
    [cacheRead, prices.cacheReadCostPer1k],
    [cacheWrite - hourWrite, prices.cacheWriteCostPer1k],
    [hourWrite, prices.inputCostPer1k === undefined ? undefined : HOUR_WRITE * prices.inputCostPer1k],
    [Math.max(0, output - reasoning), prices.outputCostPer1k],
    // Reasoning is charged as output unless it has its own price.
    [Math.min(reasoning, output), prices.reasoningCostPer1k ?? prices.outputCostPer1k],
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
 * Models with a known snapshot at another price (gpt-4o-2024-05-13 was twice the price of gpt-4o): for those, the base
 * price cannot be used for snapshots that the bundle does not list.
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
