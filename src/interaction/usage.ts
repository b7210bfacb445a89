import type { Usage } from "./interaction.js";
import { isObject, type JsonObject } from "./json.js";

/**
 * The providers' names for each number. Their meanings differ: Anthropic and Bedrock count cached tokens beside the
 * input, Google counts thoughts beside the output; all others count both within.
 */
const SPELLINGS = {
  input_tokens: [
    "input_tokens",
    "prompt_tokens",
    "promptTokenCount",
    "inputTokens",
    "inputTokenCount",
    "prompt_eval_count",
  ],
  output_tokens: [
    "output_tokens",
    "completion_tokens",
    "candidatesTokenCount",
    "outputTokens",
    "outputTokenCount",
    "eval_count",
  ],
  total_tokens: ["total_tokens", "totalTokenCount", "totalTokens"],
  cache_read_tokens: [
    "cache_read_input_tokens",
    "cacheReadInputTokens",
    "cachedContentTokenCount",
    "prompt_cache_hit_tokens",
    "cached_tokens",
  ],
  cache_creation_tokens: ["cache_creation_input_tokens", "cacheWriteInputTokens"],
  reasoning_tokens: ["reasoning_tokens", "thoughtsTokenCount"],
} as const satisfies Record<keyof Usage, readonly string[]>;

const NAMES = Object.entries(SPELLINGS) as [keyof Usage, readonly string[]][];

/** Objects inside a usage that hold details: OpenAI's two generations. */
const DETAILS = [
  "prompt_tokens_details",
  "input_tokens_details",
  "input_token_details",
  "completion_tokens_details",
  "output_tokens_details",
];

/**
 * The normalised numbers of a provider's usage, whichever names it uses. `total_tokens` only when the provider
 * says it. `undefined` when no number is known.
 */
export function usageOf(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined;
  const sources: JsonObject[] = [value, ...DETAILS.map((name) => value[name]).filter(isObject)];
  let usage: Usage | undefined;
  for (const [name, spellings] of NAMES) {
    const number = firstNumber(sources, spellings);
    if (number === undefined) continue;
    usage ??= {};
    usage[name] = number;
  }
  return usage;
}

function firstNumber(sources: readonly JsonObject[], names: readonly string[]): number | undefined {
  for (const source of sources) {
    for (const name of names) {
      const number = source[name];
      if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
    }
  }
  return undefined;
}
