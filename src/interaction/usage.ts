/**
 * Normalises numbers to the meaning in OpenTelemetry's GenAI conventions (gen_ai.usage.*): the input includes
 * everything read from or written to a cache, the output includes all reasoning; the other numbers are parts of these
 * two.
 */

import type { Usage } from "./interaction.js";
import { isObject, type JsonObject, listOf, objectOf, present } from "./json.js";

/** The providers' names for each number, in all wire formats. */
const NAMES = {
  input: [
    "input_tokens",
    "prompt_tokens",
    "promptTokenCount",
    "inputTokens",
    "inputTokenCount",
    "prompt_eval_count",
    "total_input_tokens",
  ],
  output: [
    "output_tokens",
    "completion_tokens",
    "candidatesTokenCount",
    "responseTokenCount",
    "outputTokens",
    "outputTokenCount",
    "eval_count",
    "total_output_tokens",
  ],
  total: ["total_tokens", "totalTokenCount", "totalTokens"],
  cacheRead: [
    "cache_read_input_tokens",
    "cacheReadInputTokens",
    "cacheReadInputTokenCount",
    "cachedContentTokenCount",
    "prompt_cache_hit_tokens",
    "cached_tokens",
    "total_cached_tokens",
  ],
  cacheWrite: [
    "cache_creation_input_tokens",
    "cacheWriteInputTokens",
    "cacheWriteInputTokenCount",
    "cache_write_tokens",
    "cache_creation_tokens",
  ],
  reasoning: ["reasoning_tokens", "thoughtsTokenCount", "total_thought_tokens", "total_reasoning_tokens"],
  toolUse: ["toolUsePromptTokenCount", "total_tool_use_tokens"],
} as const;

/** Objects inside a usage that contain details: both generations of OpenAI, and realtime. */
const DETAILS = [
  "prompt_tokens_details",
  "input_tokens_details",
  "input_token_details",
  "completion_tokens_details",
  "output_tokens_details",
  "output_token_details",
];

/**
 * Anthropic (docs.anthropic.com/en/docs/build-with-claude/prompt-caching) and Bedrock (TokenUsage of its API reference)
 * count cached tokens separately from the input; all others include them.
 */
const BESIDE_INPUT = /^(?:cache_(?:read|creation)_input_tokens|cache(?:Read|Write)InputToken(?:s|Count))$/;
const INPUT_WITHOUT_CACHE = /^(?:input_tokens|inputTokens|inputTokenCount)$/;

/**
 * Google counts thoughts separately from the answer (ai.google.dev/api/generate-content#UsageMetadata), and so do its
 * Interactions.
 */
const BESIDE_OUTPUT = /^(?:thoughtsTokenCount|total_thought_tokens|total_reasoning_tokens)$/;

interface Count {
  readonly name: string;
  readonly value: number;
}

/** Tokens written to a cache for one hour: Anthropic charges twice the input price for them. */
const hourWrites = new WeakMap<Usage, number>();

/** Billed usage, for providers that report it separately from what the model processed. */
const billed = new WeakMap<Usage, Usage>();

/** @param charged the provider's own numbers of billed usage */
export function withBilled(usage: Usage | undefined, charged: unknown): Usage | undefined {
  const units = usageOf(charged);
  if (usage && units?.input_tokens !== undefined) billed.set(usage, units);
  return usage;
}

/** The billed part of a usage: by default all of it. */
export const billedOf = (usage: Usage): Usage => billed.get(usage) ?? usage;

export function hourWritesOf(usage: Usage): number {
  return hourWrites.get(usage) ?? 0;
}

/**
 * The normalised numbers of a provider's usage, under any of the known names. `total_tokens` only if the provider sends
 * it. `undefined` when no number is known.
 */
export function usageOf(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined;
  const sources: JsonObject[] = [value, ...DETAILS.map((name) => value[name]).filter(isObject)];
  const input = countOf(sources, NAMES.input);
  const output = countOf(sources, NAMES.output);
  const total = countOf(sources, NAMES.total);
  const cacheRead = countOf(sources, NAMES.cacheRead);
  const lifetimes = writesByLifetime(value);
  const cacheWrite = larger(countOf(sources, NAMES.cacheWrite), lifetimes.all);
  const reasoning = countOf(sources, NAMES.reasoning);
  const cached = (cacheRead?.value ?? 0) + (cacheWrite?.value ?? 0);

  const whole = input && {
    input:
      input.value +
      (countOf(sources, NAMES.toolUse)?.value ?? 0) +
      (isBesideInput(input, output, total, cacheRead, cacheWrite) ? cached : 0),
  };
  // Google omits the answer's count when there were only thoughts.
  const thoughtOnly = reasoning && BESIDE_OUTPUT.test(reasoning.name) ? NO_ANSWER : undefined;
  const answered = answeredOf(value, output ?? thoughtOnly, reasoning, total, whole?.input);
  const usage = present<Usage>({
    input_tokens: whole?.input,
    output_tokens: answered,
    // The total of some providers excludes what they count separately.
    total_tokens: total && Math.max(total.value, (whole?.input ?? 0) + (answered ?? 0)),
    cache_read_tokens: cacheRead?.value,
    cache_creation_tokens: cacheWrite?.value,
    reasoning_tokens: reasoning?.value,
  });
  if (lifetimes.hour > 0) hourWrites.set(usage, Math.min(lifetimes.hour, cacheWrite?.value ?? 0));
  return Object.keys(usage).length > 0 ? usage : undefined;
}

/** Limit of names in one usage: providers have about twenty. */
const MAX_NAMES = 200;

/**
 * Merges a stream's usage so far with an update. A count replaces the previous one; null, zero and other values are
 * ignored: gateways send them for unknown counts.
 */
export function laterUsage(known: unknown, update: unknown): JsonObject | undefined {
  if (!isObject(update)) return isObject(known) ? known : undefined;
  const merged: Record<string, unknown> = { ...objectOf(known) };
  let names = Object.keys(merged).length;
  for (const [name, value] of Object.entries(update)) {
    if (value === null || value === undefined || name === "__proto__") continue;
    if (!Object.hasOwn(merged, name) && ++names > MAX_NAMES) continue;
    if (isObject(value)) merged[name] = laterUsage(merged[name], value);
    else if (typeof value !== "number" || value > 0 || !(Number(merged[name]) > 0)) merged[name] = value;
  }
  return merged;
}

function isBesideInput(
  input: Count,
  output: Count | undefined,
  total: Count | undefined,
  read: Count | undefined,
  write: Count | undefined,
): boolean {
  const cached = (read?.value ?? 0) + (write?.value ?? 0);
  // Cached tokens are part of the input: if there are more of them, the input is counted without them.
  if (cached > input.value) return true;
  if (INPUT_WITHOUT_CACHE.test(input.name))
    return [read, write].every((count) => !count || count.value === 0 || BESIDE_INPUT.test(count.name));
  return cached > 0 && total?.value === input.value + (output?.value ?? 0) + cached;
}

const NO_ANSWER: Count = { name: "candidatesTokenCount", value: 0 };
/** In these dialects the total includes everything. */
const WITHIN_TOTAL = /^(?:completion_tokens|candidatesTokenCount)$/;

/** The output including all reasoning. */
function answeredOf(
  value: JsonObject,
  output: Count | undefined,
  reasoning: Count | undefined,
  total: Count | undefined,
  input: number | undefined,
): number | undefined {
  if (output === undefined) return undefined;
  const isBeside = isBesideOutput(value, output, reasoning, total, input);
  const counted = output.value + (isBeside ? (reasoning?.value ?? 0) : 0);
  const isWhole = isBeside || (reasoning?.value ?? 0) === 0;
  if (!isWhole || !WITHIN_TOTAL.test(output.name) || input === undefined) return counted;
  // Google's OpenAI-compatible endpoint counts thoughts in the total only (discuss.ai.google.dev/t/127400).
  return Math.max(counted, (total?.value ?? 0) - input);
}

/**
 * xAI's chat counts reasoning separately from the answer, but in the total; Perplexity's deep research, which also
 * reports the tokens of its citations, separately from both.
 */
function isBesideOutput(
  value: JsonObject,
  output: Count,
  reasoning: Count | undefined,
  total: Count | undefined,
  input: number | undefined,
): boolean {
  if (!reasoning || reasoning.value === 0) return false;
  if (BESIDE_OUTPUT.test(reasoning.name) || reasoning.value > output.value) return true;
  if (typeof value.citation_tokens === "number") return true;
  return input !== undefined && total?.value === input + output.value + reasoning.value;
}

/** The first nonzero count, else the first zero: gateways fill in several dialects at once. */
function countOf(sources: readonly JsonObject[], names: readonly string[]): Count | undefined {
  let zero: Count | undefined;
  for (const source of sources) {
    for (const name of names) {
      const value = source[name];
      if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) continue;
      if (value > 0) return { name, value };
      zero ??= { name, value };
    }
  }
  return zero;
}

function larger(count: Count | undefined, other: Count | undefined): Count | undefined {
  return other && other.value > (count?.value ?? 0) ? other : count;
}

/** Anthropic: `cache_creation: {ephemeral_5m_input_tokens, ephemeral_1h_input_tokens}`; Bedrock: `cacheDetails`. */
function writesByLifetime(usage: JsonObject): { readonly all: Count | undefined; readonly hour: number } {
  const writes = objectOf(usage.cache_creation ?? objectOf(usage.prompt_tokens_details).cache_creation);
  const hour = countOf([writes], ["ephemeral_1h_input_tokens"])?.value ?? 0;
  const minutes = countOf([writes], ["ephemeral_5m_input_tokens"])?.value ?? 0;
  const bedrockHour = listOf(usage.cacheDetails)
    .map(objectOf)
    .filter(({ ttl }) => ttl === "1h")
    .reduce((sum, detail) => sum + (countOf([detail], ["inputTokens"])?.value ?? 0), 0);
  const all = hour + minutes;
  return {
    all: all > 0 ? { name: "cache_creation_input_tokens", value: all } : undefined,
    hour: Math.max(hour, bedrockHour),
  };
}
