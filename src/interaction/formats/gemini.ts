import type { MediaReference, Message, StreamChunk } from "../interaction.js";
import { isObject, type JsonObject, listOf, numberOf, objectOf, present, stringOf, wordOf } from "../json.js";
import { base64Reference, urlReference } from "../media.js";
import { modelInPath } from "../model-in-path.js";
import { textOf } from "../text.js";
import { laterUsage, usageOf } from "../usage.js";
import { assign, type Growing } from "./assembly.js";
import { someOf, toolCall } from "./tool-calls.js";
import type { WireFormat } from "./wire-format.js";

/**
 * Gemini and Vertex AI (ai.google.dev/api/generate-content): `generateContent`, and `streamGenerateContent` as
 * event stream (`alt=sse`) or as JSON array. Field names may be camel or snake case: the API accepts both.
 */
export const gemini: WireFormat = {
  id: "gemini",
  type: "chat",
  parserId: "google",
  request: (sent, exchange) => {
    const fields = { ...sent, ...wrapped(sent, "request", "contents") };
    // The bundle's parser flattens the names of this object.
    const config = {
      ...objectOf(fields.generationConfig),
      ...objectOf(fields.generation_config),
    } as JsonObject;
    const system = fields.system_instruction ?? fields.systemInstruction;
    return present({
      system: system === undefined ? undefined : partsContent(objectOf(system).parts ?? system),
      messages: contentsOf(fields.contents),
      model: wordOf(fields.model)?.replace(/^.*models\//, "") ?? modelInPath(exchange.path),
      stream: /:stream/.test(exchange.path) ? true : undefined,
      temperature: numberOf(config.temperature),
      top_p: numberOf(config.top_p) ?? numberOf(config.topP),
      top_k: numberOf(config.top_k) ?? numberOf(config.topK),
      max_tokens: numberOf(config.max_output_tokens) ?? numberOf(config.maxOutputTokens),
      thinking: config.thinkingConfig ?? config.thinking_config,
      tools: fields.tools,
      tool_choice: fields.toolConfig ?? fields.tool_config,
    });
  },
  response: (answer) => {
    const fields = { ...answer, ...wrapped(answer, "response", "candidates") };
    const candidates = listOf(fields.candidates).map(objectOf);
    const parts = listOf(objectOf(candidates[0]?.content).parts).map(objectOf);
    const feedback = objectOf(fields.promptFeedback);
    return present({
      content: textOf(fields.content) ?? textOf(parts),
      model: wordOf(fields.modelVersion),
      finish_reason:
        wordOf(fields.finish_reason) ?? wordOf(candidates[0]?.finishReason) ?? wordOf(feedback.blockReason),
      usage: geminiUsage(fields),
      tool_calls: someOf(parts.flatMap(callOf)),
      reasoning: wordOf(
        parts.map((part) => (part.thought === true ? (stringOf(part.text) ?? "") : "")).join(""),
      ),
      media: someOf(parts.flatMap((part) => mediaOf(part) ?? [])),
      citations: candidates[0]?.citationMetadata ?? candidates[0]?.groundingMetadata,
      choices:
        candidates.length > 1
          ? candidates.map((candidate) => present({ content: textOf(candidate.content) }))
          : undefined,
    });
  },
  assemble: assembleContent,
};

/** The bundle's parser puts some of the numbers under its own names. */
function geminiUsage(document: JsonObject) {
  return usageOf({ ...objectOf(document.usageMetadata), ...objectOf(document.usage) });
}

/**
 * Google's Code Assist (`cloudcode-pa.googleapis.com/v1internal:…`, used by Gemini CLI and others) wraps the document:
 * `{model, project, request}`, `{response, traceId}`.
 */
function wrapped(document: JsonObject, name: "request" | "response", own: string): JsonObject {
  return document[own] === undefined ? objectOf(document[name]) : {};
}

function contentsOf(contents: unknown): Message[] | undefined {
  if (typeof contents === "string") return [{ role: "user", content: contents }];
  const list = isObject(contents) ? [contents] : contents;
  if (!Array.isArray(list)) return undefined;
  return list
    .filter(isObject)
    .map(({ role, parts }) => ({ role: wordOf(role) ?? "user", content: partsContent(parts) }));
}

/** A single text part becomes a string; other content stays a list, with media replaced. */
function partsContent(parts: unknown): unknown {
  const list = isObject(parts) ? [parts] : parts;
  if (!Array.isArray(list)) return list ?? null;
  const [only] = list;
  if (list.length === 1 && isObject(only) && typeof only.text === "string" && only.thought !== true)
    return only.text;
  return list.map((part) => (isObject(part) ? (mediaOf(part) ?? part) : part));
}

function mediaOf(part: JsonObject): MediaReference | undefined {
  const inline = objectOf(part.inlineData ?? part.inline_data);
  const file = objectOf(part.fileData ?? part.file_data);
  const mediaType = wordOf(inline.mimeType ?? inline.mime_type ?? file.mimeType ?? file.mime_type);
  if (typeof inline.data === "string") return base64Reference(inline.data, mediaType);
  const uri = stringOf(file.fileUri ?? file.file_uri);
  return uri === undefined ? undefined : urlReference(uri, undefined, mediaType);
}

function callOf(part: JsonObject) {
  const { functionCall: call, executableCode: code } = part;
  if (isObject(call)) return [toolCall(call.id, call.name, call.args)];
  return isObject(code) ? [toolCall(code.id, "code_execution", code.code)] : [];
}

/** Assembles chunks to one response: each candidate's parts joined, and the last value of all other fields. */
function assembleContent(chunks: readonly StreamChunk[]): JsonObject {
  const document: Growing = {};
  let usage: JsonObject | undefined;
  const candidates = new Map<number, { parts: Growing[]; rest: Growing }>();
  for (const { data } of chunks) {
    if (!isObject(data)) continue;
    const unwrapped = { ...data, ...wrapped(data, "response", "candidates") };
    const { candidates: pieces, usageMetadata, ...rest } = unwrapped;
    Object.assign(document, present(rest));
    usage = laterUsage(usage, usageMetadata);
    for (const piece of listOf(pieces).map(objectOf)) {
      const index = numberOf(piece.index) ?? 0;
      const known = candidates.get(index) ?? { parts: [], rest: {} };
      candidates.set(index, known);
      assign(known.rest, present(piece));
      for (const part of listOf(objectOf(piece.content).parts)) addPart(known.parts, objectOf(part));
    }
  }
  const whole = [...candidates.values()].map(({ parts, rest }) => ({
    ...rest,
    content: { ...objectOf(rest.content), parts },
  }));
  return present({ ...document, usageMetadata: usage, candidates: whole.length > 0 ? whole : undefined });
}

/** Text is appended to the previous part if that is text of the same kind. */
function addPart(parts: Growing[], part: JsonObject): void {
  const last = parts.at(-1);
  if (typeof part.text === "string" && typeof last?.text === "string" && part.thought === last.thought) {
    last.text += part.text;
  } else parts.push({ ...part });
}

/** `countTokens` (ai.google.dev/api/tokens). */
export const geminiTokenCount: WireFormat = {
  id: "gemini_count_tokens",
  type: "token_count",
  parserId: "google",
  request: (fields, exchange) =>
    gemini.request({ ...objectOf(fields.generateContentRequest ?? fields.request), ...fields }, exchange),
  response: (fields) =>
    present({ usage: usageOf({ ...fields, promptTokenCount: fields.totalTokens, totalTokens: undefined }) }),
};

/** Imagen's `predict` (ai.google.dev/gemini-api/docs/imagen). */
export const imagen: WireFormat = {
  id: "imagen",
  type: "image",
  request: (fields, exchange) => {
    const parameters = objectOf(fields.parameters);
    return present({
      prompt: objectOf(listOf(fields.instances)[0]).prompt,
      model: modelInPath(exchange.path),
      n: numberOf(parameters.sampleCount),
      size: wordOf(parameters.aspectRatio),
    });
  },
  response: (fields) =>
    present({
      media: someOf(
        listOf(fields.predictions)
          .map(objectOf)
          .flatMap(({ bytesBase64Encoded: bytes, mimeType }) =>
            typeof bytes === "string" ? [base64Reference(bytes, wordOf(mimeType), "image")] : [],
          ),
      ),
    }),
};

/** `embedContent`, `batchEmbedContents` (ai.google.dev/api/embeddings) and Vertex's `predict` for text. */
export const geminiEmbeddings: WireFormat = {
  id: "gemini_embeddings",
  type: "embedding",
  request: (fields, exchange) =>
    present({
      input: fields.content ?? fields.requests ?? fields.instances,
      model: wordOf(fields.model)?.replace(/^.*models\//, "") ?? modelInPath(exchange.path),
      dimensions: numberOf(fields.outputDimensionality),
    }),
  response: (fields) => {
    const vectors = [...listOf(fields.embeddings), ...listOf(fields.predictions)].length;
    return present({ embeddings: vectors > 0 ? vectors : isObject(fields.embedding) ? 1 : undefined });
  },
};
