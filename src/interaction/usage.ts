/**
 * One meaning for each number, that of OpenTelemetry's GenAI conventions (gen_ai.usage.*): the input with everything
 * that came out of a cache or went into one, the output with all reasoning; the other numbers are parts of these two.
 */

import type { Usage } from "./interaction.js";
import { isObject, type JsonObject, listOf, objectOf, present } from "./json.js";

/** The providers' names for each number, of all wire formats. */
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

/** Objects inside a usage that hold details: OpenAI's two generations, and realtime. */
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
 * count cached tokens beside the input; all others within it.
 */
const BESIDE_INPUT = /^(?:cache_(?:read|creation)_input_tokens|cache(?:Read|Write)InputToken(?:s|Count))$/;
const INPUT_WITHOUT_CACHE = /^(?:input_tokens|inputTokens|inputTokenCount)$/;

/**
 * Google counts thoughts beside the answer (ai.google.dev/api/generate-content#UsageMetadata), and so do its
 * Interactions.
 */
const BESIDE_OUTPUT = /^(?:thoughtsTokenCount|total_thought_tokens|total_reasoning_tokens)$/;

interface Count {
  readonly name: string;
  readonly value: number;
}

/** Tokens of a usage that were written to a cache for an hour: Anthropic asks twice the price of input for them. */
const hourWrites = new WeakMap<Usage, number>();

/** What is charged, where a provider tells it beside what the model saw. */
const billed = new WeakMap<Usage, Usage>();

/** @param charged the provider's own numbers of what is charged */
export function withBilled(usage: Usage | undefined, charged: unknown): Usage | undefined {
  const units = usageOf(charged);
  if (usage && units?.input_tokens !== undefined) billed.set(usage, units);
  return usage;
}

/** What is charged of a usage: mostly all of it. */
export const billedOf = (usage: Usage): Usage => billed.get(usage) ?? usage;

export function hourWritesOf(usage: Usage): number {
  return hourWrites.get(usage) ?? 0;
}

/**
 * The normalised numbers of a provider's usage, whichever names it uses. `total_tokens` only when the provider
 * says it. `undefined` when no number is known.
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
  // Google leaves the answer out when all there was are thoughts.
  const thoughtOnly = reasoning && BESIDE_OUTPUT.test(reasoning.name) ? NO_ANSWER : undefined;
  const answered = answeredOf(value, output ?? thoughtOnly, reasoning, total, whole?.input);
  const usage = present<Usage>({
    input_tokens: whole?.input,
    output_tokens: answered,
    // A provider whose total leaves out what it counts beside it has no total of the whole.
    total_tokens: total && Math.max(total.value, (whole?.input ?? 0) + (answered ?? 0)),
    cache_read_tokens: cacheRead?.value,
    cache_creation_tokens: cacheWrite?.value,
    reasoning_tokens: reasoning?.value,
  });
  if (lifetimes.hour > 0) hourWrites.set(usage, Math.min(lifetimes.hour, cacheWrite?.value ?? 0));
  return Object.keys(usage).length > 0 ? usage : undefined;
}

/** Of the names of one usage: providers have some twenty. */
const MAX_NAMES = 200;

/**
 * What a stream told of its usage so far, and what it tells now. A count replaces the one before it; null, zero and
 * what is no count take nothing away: gateways fill them in where they know nothing.
 */
export function laterUsage(known: unknown, told: unknown): JsonObject | undefined {
  if (!isObject(told)) return isObject(known) ? known : undefined;
  const merged: Record<string, unknown> = { ...objectOf(known) };
  let names = Object.keys(merged).length;
  for (const [name, value] of Object.entries(told)) {
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
  // Cached tokens are a part of the input: when they are more than it, it is counted without them.
  if (cached > input.value) return true;
  if (INPUT_WITHOUT_CACHE.test(input.name))
    return [read, write].every((count) => !count || count.value === 0 || BESIDE_INPUT.test(count.name));
  return cached > 0 && total?.value === input.value + (output?.value ?? 0) + cached;
}

const NO_ANSWER: Count = { name: "candidatesTokenCount", value: 0 };
/** In these dialects the total is that of all there was. */
const WITHIN_TOTAL = /^(?:completion_tokens|candidatesTokenCount)$/;

/** The output with all reasoning. */
function answeredOf(
  value: JsonObject,
  output: Count | undefined,
  reasoning: Count | undefined,
  total: Count | undefined,
  input: number | undefined,
): number | undefined {
  if (output === undefined) return undefined;
  const isBeside = isBesideOutput(value, output, reasoning, total, input);
  const told = output.value + (isBeside ? (reasoning?.value ?? 0) : 0);
  const isWhole = isBeside || (reasoning?.value ?? 0) === 0;
  if (!isWhole || !WITHIN_TOTAL.test(output.name) || input === undefined) return told;
  // Google's endpoint for OpenAI's clients tells its thoughts in the total alone (discuss.ai.google.dev/t/127400).
  return Math.max(told, (total?.value ?? 0) - input);
}

/**
 * xAI's chat counts reasoning beside the answer and within the total; Perplexity's deep research, which also tells
 * the tokens of its citations, beside both.
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

/** The first name that counts something, else the first that counts zero: gateways fill in several dialects at once. */
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
  const told = objectOf(usage.cache_creation ?? objectOf(usage.prompt_tokens_details).cache_creation);
  const hour = countOf([told], ["ephemeral_1h_input_tokens"])?.value ?? 0;
  const minutes = countOf([told], ["ephemeral_5m_input_tokens"])?.value ?? 0;
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
