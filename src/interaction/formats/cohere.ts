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
import { textOf } from "../text.js";
import { usageOf, withBilled } from "../usage.js";
import { addTo, type Growing, mergeDelta } from "./assembly.js";
import { messagesOf } from "./messages.js";
import { openaiPart } from "./openai-chat.js";
import { someOf, toolCall } from "./tool-calls.js";
import type { WireFormat } from "./wire-format.js";

/** Cohere chat, v1 and v2 (docs.cohere.com/reference/chat and /v1/reference/chat), distinguished by their fields. */
export const cohereChat: WireFormat = {
  id: "cohere_chat",
  type: "chat",
  parserId: "cohere",
  request: (fields) =>
    present({
      system: wordOf(fields.preamble),
      messages: messagesOf(fields.messages, openaiPart) ?? historyOf(fields),
      prompt: fields.prompt,
      model: wordOf(fields.model),
      stream: booleanOf(fields.stream),
      temperature: numberOf(fields.temperature),
      top_p: numberOf(fields.p),
      max_tokens: numberOf(fields.max_tokens),
      documents: fields.documents,
      tools: fields.tools,
      tool_choice: fields.tool_choice,
      tool_results: fields.tool_results,
    }),
  response: (fields) => {
    const message = objectOf(fields.message);
    const generation = objectOf(listOf(fields.generations)[0]);
    return present({
      content:
        textOf(fields.content) ??
        textOf(message.content) ??
        stringOf(fields.text) ??
        stringOf(generation.text),
      model: wordOf(fields.model),
      finish_reason: wordOf(fields.finish_reason) ?? wordOf(generation.finish_reason),
      usage: withBilled(
        usageOf({ ...countedOf(fields.meta), ...countedOf(fields.usage), ...objectOf(fields.usage) }),
        objectOf(fields.usage).billed_units ?? objectOf(fields.meta).billed_units,
      ),
      tool_calls: toolCallsOf([...listOf(message.tool_calls), ...listOf(fields.tool_calls)]),
      reasoning: reasoningOf(message),
      citations: message.citations ?? fields.citations,
    });
  },
  assemble: (chunks) =>
    chunks.some(({ data }) => "event_type" in objectOf(data)) ? assembleV1(chunks) : assembleV2(chunks),
};

/** v1: the history, then the message. */
function historyOf({ chat_history: history, message }: JsonObject): Message[] | undefined {
  if (typeof message !== "string") return undefined;
  const before = listOf(history)
    .filter(isObject)
    .map(({ message: content, ...turn }) => ({
      ...turn,
      role: wordOf(turn.role)?.toLowerCase() ?? "user",
      content: content ?? null,
    }));
  return [...before, { role: "user", content: message }];
}

/** `tokens` are those processed by the model, `billed_units` those charged; usage means the former. */
function countedOf(value: unknown): JsonObject {
  const { tokens, billed_units: billed, cached_tokens: cached } = objectOf(value);
  return present({ ...objectOf(billed), ...objectOf(tokens), cached_tokens: cached });
}

function toolCallsOf(calls: readonly unknown[]): ToolCall[] | undefined {
  return someOf(
    calls.filter(isObject).map((call) => {
      const called = objectOf(call.function);
      return toolCall(call.id, called.name ?? call.name, called.arguments ?? call.parameters);
    }),
  );
}

/** v2: the plan before tool calls, and the thinking of reasoning models. */
function reasoningOf(message: JsonObject): string | undefined {
  const thinking = listOf(message.content).map((part) => stringOf(objectOf(part).thinking) ?? "");
  return wordOf([stringOf(message.tool_plan) ?? "", ...thinking].join(""));
}

/** `stream-end` contains the whole answer; for an interrupted stream, the text so far is used. */
function assembleV1(chunks: readonly StreamChunk[]): JsonObject {
  const events = chunks.map(({ data }) => objectOf(data));
  const end = objectOf(events.find(({ event_type: type }) => type === "stream-end"));
  const text = events
    .map((event) => (event.event_type === "text-generation" ? (stringOf(event.text) ?? "") : ""))
    .join("");
  return {
    text,
    ...objectOf(end.response),
    finish_reason: end.finish_reason ?? objectOf(end.response).finish_reason,
  };
}

function assembleV2(chunks: readonly StreamChunk[]): JsonObject {
  const document: Growing = {};
  const content = new Map<unknown, Growing>();
  const calls = new Map<unknown, Growing>();
  const grow = (parts: Map<unknown, Growing>, index: unknown, delta: unknown): void => {
    parts.set(index, mergeDelta(parts.get(index) ?? {}, objectOf(delta)));
  };
  const message: Growing = {};
  for (const { data } of chunks) {
    if (!isObject(data)) continue;
    const delta = objectOf(data.delta);
    const update = objectOf(delta.message);
    switch (data.type) {
      case "content-start":
      case "content-delta":
        grow(content, data.index, update.content);
        break;
      case "tool-plan-delta":
        message.tool_plan = (stringOf(message.tool_plan) ?? "") + (stringOf(update.tool_plan) ?? "");
        break;
      case "tool-call-start":
      case "tool-call-delta":
        grow(calls, data.index, update.tool_calls);
        break;
      case "citation-start":
        addTo(message, "citations", [update.citations]);
        break;
      case "message-end":
        Object.assign(document, present(delta));
        break;
    }
  }
  if (content.size > 0) message.content = [...content.values()];
  if (calls.size > 0) message.tool_calls = [...calls.values()];
  return { ...document, message };
}

/** docs.cohere.com/reference/embed. */
export const cohereEmbeddings: WireFormat = {
  id: "cohere_embed",
  type: "embedding",
  request: (fields) =>
    present({
      input:
        fields.texts ??
        fields.inputs ??
        (Array.isArray(fields.images) ? `${fields.images.length} images` : undefined),
      model: wordOf(fields.model),
      input_type: wordOf(fields.input_type),
    }),
  response: (fields) => {
    const { embeddings } = fields;
    const byType = Object.values(objectOf(embeddings)).find(Array.isArray);
    const vectors = listOf(Array.isArray(embeddings) ? embeddings : byType).length;
    return present({ embeddings: vectors > 0 ? vectors : undefined, usage: usageOf(countedOf(fields.meta)) });
  },
};

/** docs.cohere.com/reference/rerank, also used by Jina, Voyage and others. */
export const rerank: WireFormat = {
  id: "rerank",
  type: "rerank",
  request: (fields) =>
    present({ input: fields.query, documents: fields.documents, model: wordOf(fields.model) }),
  response: (fields) =>
    present({
      results: fields.results ?? fields.data,
      model: wordOf(fields.model),
      usage: usageOf(countedOf(fields.meta)) ?? usageOf(fields.usage),
    }),
};
