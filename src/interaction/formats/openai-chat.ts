import { flatErrorOf } from "../errors.js";
import type { StreamChunk, ToolCall } from "../interaction.js";
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
import { base64Reference, urlReference } from "../media.js";
import { deploymentInPath } from "../model-in-path.js";
import { textOf } from "../text.js";
import { laterUsage, usageOf } from "../usage.js";
import { type Growing, mergeDelta } from "./assembly.js";
import { messagesOf } from "./messages.js";
import { someOf, toolCall } from "./tool-calls.js";
import type { DeltaReader, WireFormat } from "./wire-format.js";

/**
 * OpenAI chat completions (platform.openai.com/docs/api-reference/chat) and compatible APIs: Azure OpenAI,
 * Mistral, Groq, xAI, DeepSeek (`reasoning_content`), OpenRouter (`reasoning`), Perplexity (`citations`), and
 * most local servers.
 */
export const openaiChat: WireFormat = {
  id: "openai_chat",
  type: "chat",
  parserId: "openai",
  request: (fields, exchange) =>
    present({
      messages: messagesOf(fields.messages, openaiPart),
      model: wordOf(fields.model) ?? deploymentInPath(exchange.path),
      stream: booleanOf(fields.stream),
      temperature: numberOf(fields.temperature),
      top_p: numberOf(fields.top_p),
      max_tokens: numberOf(fields.max_tokens) ?? numberOf(fields.max_completion_tokens),
      reasoning_effort: wordOf(fields.reasoning_effort),
      tools: fields.tools ?? fields.functions,
      tool_choice: fields.tool_choice ?? fields.function_call,
      response_format: fields.response_format,
    }),
  response: (fields) => {
    const choices = listOf(fields.choices).map(objectOf);
    const message = objectOf(choices[0]?.message);
    return present({
      content: textOf(fields.content ?? message.content ?? undefined),
      model: wordOf(fields.model),
      finish_reason: wordOf(fields.finish_reason) ?? wordOf(choices[0]?.finish_reason),
      usage: usageOf(countedIn(fields)),
      tool_calls: toolCallsOf(message),
      reasoning: reasoningOf(message),
      refusal: wordOf(message.refusal),
      transcript: wordOf(objectOf(message.audio).transcript),
      media: someOf(listOf(message.images).flatMap((image) => openaiPart(objectOf(image)) ?? [])),
      citations: fields.citations ?? someOf(listOf(message.annotations)),
      search_results: fields.search_results,
      choices: choices.length > 1 ? choices.map(choiceOf) : undefined,
    });
  },
  assemble: assembleChat,
};

/** A part of a message's content with its media replaced by a reference; `undefined` when it has none. */
export function openaiPart(part: JsonObject): unknown {
  const { type } = part;
  if (type === "image_url") {
    const url = stringOf(part.image_url) ?? stringOf(objectOf(part.image_url).url);
    return url === undefined ? undefined : urlReference(url, "image");
  }
  if (type === "input_audio") {
    const audio = objectOf(part.input_audio);
    const data = stringOf(audio.data);
    return data === undefined ? undefined : base64Reference(data, audioType(wordOf(audio.format)), "audio");
  }
  if (type === "file") {
    const data = stringOf(objectOf(part.file).file_data);
    return data === undefined ? undefined : urlReference(data, "file");
  }
  return undefined;
}

function audioType(format: string | undefined): string | undefined {
  return format && `audio/${format}`;
}

function toolCallsOf(message: JsonObject): ToolCall[] | undefined {
  const legacy = isObject(message.function_call) ? [{ function: message.function_call }] : [];
  return someOf(
    [...listOf(message.tool_calls), ...legacy].map((call) => {
      const { id, function: called, custom } = objectOf(call);
      const { name, arguments: given, input } = objectOf(called ?? custom);
      return toolCall(id, name, given ?? input);
    }),
  );
}

/** DeepSeek and xAI: `reasoning_content`; OpenRouter and Groq: `reasoning`; Mistral: parts of type `thinking`. */
function reasoningOf(message: JsonObject): string | undefined {
  const thinking = listOf(message.content)
    .map(objectOf)
    .filter((part) => part.type === "thinking")
    .map((part) => textOf(part.thinking) ?? "")
    .join("");
  return wordOf(message.reasoning_content) ?? wordOf(message.reasoning) ?? wordOf(thinking);
}

function choiceOf(choice: JsonObject): JsonObject {
  const message = objectOf(choice.message);
  return present({
    content: textOf(message.content ?? undefined),
    finish_reason: wordOf(choice.finish_reason),
    tool_calls: toolCallsOf(message),
  });
}

interface GrowingChoice {
  readonly index: number;
  readonly message: Growing;
  /** The whole message, from servers that repeat it. */
  whole?: JsonObject;
  reason?: string;
}

/** Assembles chunks to one `chat.completion`: each choice's deltas are merged into its message. */
function assembleChat(chunks: readonly StreamChunk[], delta: DeltaReader | undefined): JsonObject {
  const document: Growing = {};
  const choices = new Map<number, GrowingChoice>();
  const choiceAt = (index: number): GrowingChoice => {
    const known = choices.get(index) ?? { index, message: {} };
    choices.set(index, known);
    return known;
  };
  let usage: JsonObject | undefined;
  for (const { data } of chunks) {
    if (!isObject(data)) continue;
    for (const key of Object.keys(data)) {
      const value = data[key];
      if (key !== "choices" && key !== "usage" && value !== null && value !== "") document[key] = value;
    }
    const failure = flatErrorOf(data);
    if (failure) document.error = failure;
    usage = laterUsage(usage, countedIn(data));
    const deltas = listOf(data.choices);
    const bundled = delta?.(data);
    const isOwn = deltas.some((element) => objectOf(element).delta === bundled);
    if (isObject(bundled) && !isOwn) mergeDelta(choiceAt(0).message, bundled);
    for (const element of deltas) {
      const { index, delta: own, message, finish_reason: reason } = objectOf(element);
      const choice = choiceAt(numberOf(index) ?? 0);
      const isPiece = isObject(own) && Object.keys(own).length > 0;
      if (isPiece) mergeDelta(choice.message, own);
      if (isObject(message)) addMessage(choice, message, isPiece || data.object === "chat.completion");
      choice.reason = wordOf(reason) ?? choice.reason;
    }
  }
  const ordered = [...choices.values()].sort((one, other) => one.index - other.index).map(closeChoice);
  return present({ ...document, usage, choices: ordered.length > 0 ? ordered : undefined });
}

/**
 * A `message` within a stream. MiniMax ends with the whole message, Perplexity repeats the message so far in each
 * chunk; one that does not start with the previous content is another piece.
 */
function addMessage(choice: GrowingChoice, message: JsonObject, isWhole: boolean): void {
  const before = textOf(choice.whole?.content ?? choice.message.content ?? undefined) ?? "";
  if (isWhole || (textOf(message.content ?? undefined) ?? "").startsWith(before)) {
    choice.whole = message;
    return;
  }
  if (choice.whole) mergeDelta(choice.message, choice.whole);
  delete choice.whole;
  mergeDelta(choice.message, message);
}

function closeChoice({ index, message, whole, reason }: GrowingChoice): JsonObject {
  const given = Object.entries(whole ?? {}).filter(
    ([, value]) => value !== null && value !== "" && !(Array.isArray(value) && value.length === 0),
  );
  return present({ index, message: { ...message, ...Object.fromEntries(given) }, finish_reason: reason });
}

/**
 * A chunk's usage: at the top level, in Groq's own field, in the choice (Moonshot), or for llama.cpp, which only sends
 * it on request, in its timings.
 */
function countedIn(data: JsonObject): JsonObject | undefined {
  let usage: JsonObject | undefined;
  for (const choice of listOf(data.choices).map(objectOf)) {
    usage = laterUsage(usage, objectOf(choice.delta ?? choice.message).usage);
    usage = laterUsage(usage, choice.usage);
  }
  usage = laterUsage(usage, objectOf(data.x_groq).usage);
  usage = laterUsage(usage, data.usage);
  const { prompt_n: fresh, cache_n: cached, predicted_n: output } = objectOf(data.timings);
  if (usage || typeof fresh !== "number") return usage;
  return present({
    prompt_tokens: fresh + (numberOf(cached) ?? 0),
    completion_tokens: output,
    cached_tokens: cached,
  });
}
