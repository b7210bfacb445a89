/** Calls that return numbers and labels: embeddings, moderations, reranking. The vectors themselves are not kept. */

import { isObject, type JsonObject, listOf, numberOf, objectOf, present, wordOf } from "../json.js";
import { deploymentInPath } from "../model-in-path.js";
import { usageOf } from "../usage.js";
import { openaiPart } from "./openai-chat.js";
import type { WireFormat } from "./wire-format.js";

/**
 * platform.openai.com/docs/api-reference/embeddings, and Mistral's and Ollama's (`/api/embed`), which have the same
 * form.
 */
export const openaiEmbeddings: WireFormat = {
  id: "openai_embeddings",
  type: "embedding",
  request: (fields, exchange) =>
    present({
      input: fields.input ?? fields.prompt,
      model: wordOf(fields.model) ?? deploymentInPath(exchange.path),
      dimensions: numberOf(fields.dimensions) ?? numberOf(fields.output_dimension),
    }),
  response: (fields) => {
    const vectors = [
      ...listOf(fields.data).map((entry) => objectOf(entry).embedding),
      ...listOf(fields.embeddings),
    ];
    return present({
      model: wordOf(fields.model),
      usage: usageOf(fields.usage) ?? usageOf(fields),
      embeddings: vectors.length > 0 ? vectors.length : Array.isArray(fields.embedding) ? 1 : undefined,
    });
  },
};

/** platform.openai.com/docs/api-reference/moderations. */
export const openaiModerations: WireFormat = {
  id: "openai_moderations",
  type: "moderation",
  request: (fields) => present({ input: moderated(fields.input), model: wordOf(fields.model) }),
  response: (fields) => {
    const results = listOf(fields.results).map(objectOf);
    return present({
      model: wordOf(fields.model),
      flagged: results.some(({ flagged }) => flagged === true),
      categories: categoriesOf(results),
    });
  },
};

function moderated(input: unknown): unknown {
  return Array.isArray(input)
    ? input.map((part) => (isObject(part) ? (openaiPart(part) ?? part) : part))
    : input;
}

/** Names of the flagged categories. */
function categoriesOf(results: readonly JsonObject[]): string[] {
  const flagged = results.flatMap((result) =>
    Object.entries(objectOf(result.categories)).flatMap(([name, value]) => (value === true ? [name] : [])),
  );
  return [...new Set(flagged)];
}
