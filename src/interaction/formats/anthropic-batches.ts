/** Anthropic's calls other than messages: token counting, batches, and legacy completions. */

import { booleanOf, listOf, numberOf, objectOf, present, stringOf, wordOf } from "../json.js";
import { usageOf } from "../usage.js";
import { anthropicMessages } from "./anthropic-messages.js";
import type { WireFormat } from "./wire-format.js";

/** docs.anthropic.com/en/api/messages-count-tokens. */
export const anthropicTokenCount: WireFormat = {
  id: "anthropic_count_tokens",
  type: "token_count",
  parserId: "anthropic",
  request: anthropicMessages.request,
  response: (fields) => present({ usage: usageOf(fields) }),
};

/** docs.anthropic.com/en/api/creating-message-batches. */
export const anthropicBatches: WireFormat = {
  id: "anthropic_batches",
  type: "batch",
  request: (fields, exchange) => {
    const requests = listOf(fields.requests).map(objectOf);
    return present({
      model: wordOf(objectOf(requests[0]?.params).model),
      requests: requests.map(({ custom_id: id, params }) =>
        present({ custom_id: id, ...anthropicMessages.request(objectOf(params), exchange) }),
      ),
    });
  },
  response: (fields) =>
    present({
      id: wordOf(fields.id),
      status: wordOf(fields.processing_status),
      counts: fields.request_counts,
    }),
};

/** docs.anthropic.com/en/api/complete. */
export const anthropicCompletions: WireFormat = {
  id: "anthropic_completions",
  type: "completion",
  request: (fields) =>
    present({
      prompt: fields.prompt,
      model: wordOf(fields.model),
      stream: booleanOf(fields.stream),
      temperature: numberOf(fields.temperature),
      max_tokens: numberOf(fields.max_tokens_to_sample),
    }),
  response: (fields) =>
    present({
      content: stringOf(fields.completion),
      model: wordOf(fields.model),
      finish_reason: wordOf(fields.stop_reason),
    }),
  assemble: (chunks) => {
    const pieces = chunks.map(({ data }) => objectOf(data));
    const completion = pieces.map((piece) => stringOf(piece.completion) ?? "").join("");
    return { ...Object.assign({}, ...pieces), completion };
  },
};
