import type { MediaReference, Message, StreamChunk } from "../interaction.js";
import { isObject, type JsonObject, listOf, numberOf, objectOf, present, stringOf, wordOf } from "../json.js";
import { base64Reference, urlReference } from "../media.js";
import { modelInPath } from "../model-in-path.js";
import { textOf } from "../text.js";
import { usageOf } from "../usage.js";
import type { Growing } from "./assembly.js";
import { someOf, toolCall } from "./tool-calls.js";
import type { WireFormat } from "./wire-format.js";

/**
 * Amazon Bedrock's Converse and ConverseStream (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse).
 */
export const bedrockConverse: WireFormat = {
  id: "bedrock_converse",
  type: "chat",
  parserId: "bedrock",
  request: (fields, exchange) => {
    const config = objectOf(fields.inferenceConfig);
    const tools = objectOf(fields.toolConfig);
    return present({
      system: fields.system === undefined ? undefined : contentOf(fields.system),
      messages: messagesOf(fields.messages),
      model: wordOf(fields.model) ?? modelInPath(exchange.path),
      stream: exchange.path.endsWith("/converse-stream") ? true : undefined,
      temperature: numberOf(fields.temperature) ?? numberOf(config.temperature),
      top_p: numberOf(config.topP),
      max_tokens: numberOf(fields.max_tokens) ?? numberOf(config.maxTokens),
      tools: tools.tools,
      tool_choice: tools.toolChoice,
      additional: fields.additionalModelRequestFields,
    });
  },
  response: (fields, exchange) => {
    const blocks = listOf(objectOf(objectOf(fields.output).message).content).map(objectOf);
    const reasoning = blocks.map((block) => objectOf(objectOf(block.reasoningContent).reasoningText).text);
    return present({
      content: textOf(fields.content ?? blocks),
      model: wordOf(fields.model) ?? modelInPath(exchange.path),
      finish_reason: wordOf(fields.stop_reason) ?? wordOf(fields.stopReason),
      usage: usageOf(fields.usage),
      tool_calls: someOf(
        blocks.flatMap(({ toolUse }) =>
          isObject(toolUse) ? [toolCall(toolUse.toolUseId, toolUse.name, toolUse.input)] : [],
        ),
      ),
      reasoning: wordOf(reasoning.map((text) => stringOf(text) ?? "").join("")),
    });
  },
  assemble: assembleConverse,
};

function messagesOf(messages: unknown): Message[] | undefined {
  if (!Array.isArray(messages)) return undefined;
  return messages
    .filter(isObject)
    .map(({ role, content }) => ({ role: wordOf(role) ?? "user", content: contentOf(content) }));
}

function contentOf(content: unknown): unknown {
  if (!Array.isArray(content)) return content ?? null;
  const [only] = content;
  if (content.length === 1 && isObject(only) && typeof only.text === "string") return only.text;
  return content.map((block) => (isObject(block) ? (mediaOf(block) ?? toolResultOf(block) ?? block) : block));
}

function toolResultOf({ toolResult }: JsonObject): JsonObject | undefined {
  return isObject(toolResult)
    ? { toolResult: { ...toolResult, content: contentOf(toolResult.content) } }
    : undefined;
}

/** `{image|document|video: {format, source: {bytes | s3Location}}}`. */
function mediaOf(block: JsonObject): MediaReference | undefined {
  for (const kind of ["image", "document", "video", "audio"]) {
    const media = block[kind];
    if (!isObject(media)) continue;
    const { bytes, s3Location } = objectOf(media.source);
    const type = kind === "document" ? "file" : kind;
    const mediaType = kind === "document" ? undefined : wordOf(media.format) && `${kind}/${media.format}`;
    if (typeof bytes === "string") return base64Reference(bytes, mediaType, type);
    const uri = stringOf(objectOf(s3Location).uri);
    return uri === undefined ? undefined : urlReference(uri, type, mediaType);
  }
  return undefined;
}

/** Assembles events to one Converse response. Events and response differ in form only in these few places. */
function assembleConverse(chunks: readonly StreamChunk[]): JsonObject {
  const document: Growing = {};
  const blocks = new Map<number, Growing>();
  let role: unknown;
  for (const { event, data } of chunks) {
    if (!isObject(data)) continue;
    const block = (): Growing => {
      const index = numberOf(data.contentBlockIndex) ?? 0;
      const known = blocks.get(index) ?? {};
      blocks.set(index, known);
      return known;
    };
    if (event === "messageStart") role = data.role;
    else if (event === "contentBlockStart") Object.assign(block(), structuredClone(objectOf(data.start)));
    else if (event === "contentBlockDelta") addDelta(block(), objectOf(data.delta));
    else if (event === "messageStop") document.stopReason = data.stopReason;
    else if (event === "metadata") Object.assign(document, data);
    else if (isObject(data.error)) document.error = data.error;
    else if (event?.endsWith("Exception")) document.error = { type: event, message: data.message };
  }
  const content = [...blocks.values()];
  return content.length > 0 ? { ...document, output: { message: { role, content } } } : document;
}

function addDelta(block: Growing, { text, toolUse, reasoningContent }: JsonObject): void {
  if (typeof text === "string") block.text = (stringOf(block.text) ?? "") + text;
  const { input } = objectOf(toolUse);
  if (typeof input === "string") {
    const known = objectOf(block.toolUse);
    block.toolUse = { ...known, input: (stringOf(known.input) ?? "") + input };
  }
  const { text: thought } = objectOf(reasoningContent);
  if (typeof thought === "string") {
    const known = stringOf(objectOf(objectOf(block.reasoningContent).reasoningText).text) ?? "";
    block.reasoningContent = { reasoningText: { text: known + thought } };
  }
}
