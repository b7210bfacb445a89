import type { Message, StreamChunk, ToolCall } from "../interaction.js";
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
import { base64Reference } from "../media.js";
import { textOf } from "../text.js";
import { laterUsage, usageOf } from "../usage.js";
import { addTo, type Growing } from "./assembly.js";
import { someOf, toolCall } from "./tool-calls.js";
import type { WireFormat } from "./wire-format.js";

/** Ollama's `/api/chat` (github.com/ollama/ollama/blob/main/docs/api.md): NDJSON unless `stream` is false. */
export const ollamaChat: WireFormat = {
  id: "ollama_chat",
  type: "chat",
  parserId: "ollama",
  request: (fields) => present({ messages: messagesOf(fields.messages), ...settingsOf(fields) }),
  response: (fields) => {
    const message = objectOf(fields.message);
    return present({
      content: textOf(fields.content) ?? textOf(message.content),
      ...endOf(fields),
      tool_calls: toolCallsOf(message),
      reasoning: wordOf(message.thinking),
    });
  },
  assemble,
};

/** Ollama's `/api/generate`. */
export const ollamaGenerate: WireFormat = {
  id: "ollama_generate",
  type: "completion",
  parserId: "ollama",
  request: (fields) =>
    present({
      prompt: fields.prompt,
      suffix: wordOf(fields.suffix),
      system: wordOf(fields.system),
      media: imagesOf(fields.images),
      ...settingsOf(fields),
    }),
  response: (fields) =>
    present({
      content: textOf(fields.content) ?? stringOf(fields.response),
      ...endOf(fields),
      reasoning: wordOf(fields.thinking),
    }),
  assemble,
};

function settingsOf(fields: JsonObject) {
  const options = objectOf(fields.options);
  return {
    model: wordOf(fields.model),
    stream: booleanOf(fields.stream),
    temperature: numberOf(options.temperature),
    max_tokens: numberOf(options.num_predict),
    format: fields.format,
    think: fields.think,
    tools: fields.tools,
  };
}

function endOf(fields: JsonObject) {
  return {
    model: wordOf(fields.model),
    finish_reason: wordOf(fields.done_reason),
    usage: usageOf({ ...fields, ...objectOf(fields.usage) }),
  };
}

function messagesOf(messages: unknown): Message[] | undefined {
  if (!Array.isArray(messages)) return undefined;
  return messages.filter(isObject).map((message) =>
    present({
      ...message,
      role: wordOf(message.role) ?? "user",
      content: message.content ?? null,
      images: imagesOf(message.images),
    }),
  );
}

function imagesOf(images: unknown) {
  return someOf(
    listOf(images).flatMap((image) =>
      typeof image === "string" ? [base64Reference(image, undefined, "image")] : [],
    ),
  );
}

function toolCallsOf(message: JsonObject): ToolCall[] | undefined {
  return someOf(
    listOf(message.tool_calls).map((call) => {
      const called = objectOf(objectOf(call).function);
      return toolCall(objectOf(call).id, called.name, called.arguments);
    }),
  );
}

/** Each line has a piece of the text; the last one the counts. */
function assemble(chunks: readonly StreamChunk[]): JsonObject {
  const document: Growing = {};
  const message: Growing = {};
  for (const { data } of chunks) {
    if (!isObject(data)) continue;
    const { message: piece, response, thinking, ...rest } = data;
    Object.assign(document, laterUsage(document, rest));
    append(document, "response", response);
    append(document, "thinking", thinking);
    if (!isObject(piece)) continue;
    append(message, "content", piece.content);
    append(message, "thinking", piece.thinking);
    if (Array.isArray(piece.tool_calls)) addTo(message, "tool_calls", piece.tool_calls);
    document.message = message;
  }
  return document;
}

function append(target: Growing, field: string, piece: unknown): void {
  if (typeof piece === "string") target[field] = (stringOf(target[field]) ?? "") + piece;
}
