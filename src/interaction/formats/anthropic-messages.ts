import type { StreamChunk, ToolCall } from "../interaction.js";
import {
  booleanOf,
  isObject,
  type JsonObject,
  jsonOrText,
  listOf,
  numberOf,
  objectOf,
  present,
  stringOf,
  wordOf,
} from "../json.js";
import { base64Reference, urlReference } from "../media.js";
import { modelInPath } from "../model-in-path.js";
import { textOf } from "../text.js";
import { laterUsage, usageOf } from "../usage.js";
import { addTo, assign, type Growing } from "./assembly.js";
import { contentOf, messagesOf } from "./messages.js";
import { someOf, toolCall } from "./tool-calls.js";
import type { WireFormat } from "./wire-format.js";

/** Anthropic messages (docs.anthropic.com/en/api/messages), with every block and delta kind it documents. */
export const anthropicMessages: WireFormat = {
  id: "anthropic_messages",
  type: "chat",
  parserId: "anthropic",
  request: (fields, exchange) =>
    present({
      system: fields.system === undefined ? undefined : contentOf(fields.system, anthropicPart),
      messages: messagesOf(fields.messages, anthropicPart),
      model: wordOf(fields.model) ?? modelInPath(exchange.path),
      stream: booleanOf(fields.stream),
      temperature: numberOf(fields.temperature),
      top_p: numberOf(fields.top_p),
      max_tokens: numberOf(fields.max_tokens),
      thinking: fields.thinking,
      tools: fields.tools,
      tool_choice: fields.tool_choice,
    }),
  response: (fields) => {
    const blocks = listOf(fields.content).map(objectOf);
    return present({
      content: textOf(fields.content),
      model: wordOf(fields.model),
      finish_reason: wordOf(fields.stop_reason),
      stop_sequence: wordOf(fields.stop_sequence),
      usage: usageOf(fields.usage),
      tool_calls: toolCallsOf(blocks),
      tool_results: toolResultsOf(blocks),
      citations: someOf(blocks.flatMap((block) => listOf(block.citations))),
      reasoning: wordOf(
        blocks.map((block) => (block.type === "thinking" ? stringOf(block.thinking) : "")).join(""),
      ),
    });
  },
  assemble: assembleMessage,
};

/** A content block with media replaced by a reference, including media in tool results. */
export function anthropicPart(block: JsonObject): unknown {
  const { type, source, content } = block;
  if (type === "tool_result" && Array.isArray(content)) {
    return { ...block, content: contentOf(content, anthropicPart) };
  }
  if (type !== "image" && type !== "document") return undefined;
  const { type: kind, media_type: mediaType, data, url } = objectOf(source);
  const reference = type === "image" ? "image" : "file";
  if (kind === "base64" && typeof data === "string")
    return base64Reference(data, wordOf(mediaType), reference);
  if (kind === "url" && typeof url === "string") return urlReference(url, reference);
  return undefined;
}

/** Calls of the user's tools and of tools run by the provider. */
function toolCallsOf(blocks: readonly JsonObject[]): ToolCall[] | undefined {
  const calls = blocks.filter(({ type }) => /^(?:server_|mcp_)?tool_use$/.test(String(type)));
  return someOf(calls.map(({ id, name, input }) => toolCall(id, name, input)));
}

/** Results of tools run by the provider: `web_search_tool_result` and similar. */
function toolResultsOf(blocks: readonly JsonObject[]): unknown {
  return someOf(blocks.filter(({ type }) => typeof type === "string" && type.endsWith("tool_result")));
}

/**
 * Assembles events to one Message (docs.anthropic.com/en/api/messages-streaming). Usage is in the first and the last
 * event, with gateways in others, too; some end a stream with the whole message.
 */
function assembleMessage(chunks: readonly StreamChunk[]): JsonObject {
  const message: Growing = {};
  let usage: JsonObject | undefined;
  const blocks = new Map<number, Growing>();
  let current = -1;
  const blockAt = (index: unknown, otherwise: number): Growing => {
    current = numberOf(index) ?? otherwise;
    const block = blocks.get(current) ?? {};
    blocks.set(current, block);
    return block;
  };
  for (const { event, data } of chunks) {
    if (!isObject(data)) continue;
    usage = laterUsage(usage, objectOf(data.message).usage);
    usage = laterUsage(usage, data.usage);
    const type = wordOf(data.type) ?? event;
    switch (type) {
      case "message_start":
        assign(message, withoutNulls(data.message));
        break;
      case "message":
        assign(message, withoutNulls(data));
        if (listOf(data.content).length > 0) blocks.clear();
        break;
      case "content_block_start":
        Object.assign(blockAt(data.index, current + 1), objectOf(data.content_block));
        break;
      case "content_block_delta":
        addDelta(blockAt(data.index, Math.max(0, current)), objectOf(data.delta));
        break;
      case "message_delta":
        usage = laterUsage(usage, objectOf(data.delta).usage);
        assign(message, withoutNulls(data.delta));
        break;
      default:
        if (type === "error" || isObject(data.error)) message.error = data.error ?? data;
    }
  }
  for (const block of blocks.values()) closeBlock(block);
  const content = blocks.size > 0 ? [...blocks.values()] : message.content;
  return present({ ...message, content, usage });
}

/** Null means that the event has no value for the field. */
function withoutNulls(part: unknown): JsonObject {
  return Object.fromEntries(Object.entries(objectOf(part)).filter(([, value]) => value !== null));
}

const APPENDED = {
  text_delta: ["text", "text"],
  thinking_delta: ["thinking", "thinking"],
  signature_delta: ["signature", "signature"],
  input_json_delta: ["partial_json", "partial_json"],
} as const;

function addDelta(block: Growing, delta: JsonObject): void {
  if (delta.type === "citations_delta") {
    addTo(block, "citations", [delta.citation]);
    return;
  }
  const [from, to] = APPENDED[delta.type as keyof typeof APPENDED] ?? [];
  if (from === undefined || typeof delta[from] !== "string") return;
  block.type ??=
    delta.type === "thinking_delta" ? "thinking" : delta.type === "text_delta" ? "text" : "tool_use";
  block[to] = `${stringOf(block[to]) ?? ""}${delta[from]}`;
}

/** The pieces of a tool's input only form JSON when joined. */
function closeBlock(block: Growing): void {
  const { partial_json: json } = block;
  if (json === undefined) return;
  delete block.partial_json;
  if (json !== "") block.input = jsonOrText(String(json));
}
