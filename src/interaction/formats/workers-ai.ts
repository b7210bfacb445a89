import type { StreamChunk } from "../interaction.js";
import {
  booleanOf,
  isObject,
  type JsonObject,
  listOf,
  numberOf,
  objectOf,
  present,
  stringOf,
  wordOf,
} from "../json.js";
import { usageOf } from "../usage.js";
import type { Growing } from "./assembly.js";
import { messagesOf } from "./messages.js";
import { openaiChat, openaiPart } from "./openai-chat.js";
import { someOf, toolCall } from "./tool-calls.js";
import type { WireFormat } from "./wire-format.js";

/**
 * Cloudflare Workers AI's native call (developers.cloudflare.com/workers-ai/get-started/rest-api):
 * `…/ai/run/@cf/vendor/model`, with the answer in `result`. Newer models respond like OpenAI's chat.
 */
export const workersAi: WireFormat = {
  id: "workers_ai",
  type: "chat",
  request: (fields, { path }) =>
    present({
      messages: messagesOf(fields.messages, openaiPart),
      prompt: fields.prompt,
      input: fields.text ?? fields.input,
      model: modelOf(path),
      stream: booleanOf(fields.stream),
      temperature: numberOf(fields.temperature),
      max_tokens: numberOf(fields.max_tokens),
      tools: fields.tools,
    }),
  response: (fields, exchange) => {
    const result = isObject(fields.result) ? fields.result : fields;
    const chat = Array.isArray(result.choices) ? openaiChat.response(result, exchange) : {};
    return present({
      ...chat,
      content: chat.content ?? stringOf(result.response),
      model: chat.model ?? modelOf(exchange.path),
      usage: chat.usage ?? usageOf(result.usage),
      tool_calls:
        chat.tool_calls ??
        someOf(
          listOf(result.tool_calls)
            .map(objectOf)
            .map(({ id, name, arguments: given }) => toolCall(id, name, given)),
        ),
      embeddings: someOf(listOf(result.data))?.length,
    });
  },
  assemble: (chunks, delta) =>
    chunks.some(({ data }) => Array.isArray(objectOf(data).choices))
      ? openaiChat.assemble!(chunks, delta)
      : assembleAnswer(chunks),
};

function modelOf(path: string): string | undefined {
  return wordOf(/\/(?:ai\/run|workers-ai)\/(@?[^?]+)$/.exec(path)?.[1]);
}

function assembleAnswer(chunks: readonly StreamChunk[]): JsonObject {
  const document: Growing = {};
  let text = "";
  for (const { data } of chunks) {
    if (!isObject(data)) continue;
    const { response, ...rest } = data;
    Object.assign(document, present(rest));
    text += stringOf(response) ?? "";
  }
  return { ...document, response: text };
}
