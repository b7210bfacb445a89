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
import { base64Reference, urlReference } from "../media.js";
import { textOf } from "../text.js";
import { laterUsage, usageOf } from "../usage.js";
import { assign, type Growing, listIn } from "./assembly.js";
import { contentOf } from "./messages.js";
import { someOf, toolCall } from "./tool-calls.js";
import type { WireFormat } from "./wire-format.js";

/**
 * OpenAI responses (platform.openai.com/docs/api-reference/responses): plain, as event stream, as turns of a
 * WebSocket, where `response.create` is the request, and `/responses/compact`, which returns a compacted conversation.
 */
export const openaiResponses: WireFormat = {
  id: "openai_responses",
  type: "chat",
  request: (fields) =>
    present({
      system: fields.instructions ?? undefined,
      messages: inputMessages(fields.input),
      model: wordOf(fields.model),
      stream: booleanOf(fields.stream),
      temperature: numberOf(fields.temperature),
      top_p: numberOf(fields.top_p),
      max_tokens: numberOf(fields.max_output_tokens),
      reasoning: fields.reasoning ?? undefined,
      tools: toolsOf(fields),
      tool_choice: fields.tool_choice,
      previous_response_id: wordOf(fields.previous_response_id),
    }),
  response: (fields) => {
    const output = listOf(fields.output).map(objectOf);
    return present({
      content: textOf(fields.content) ?? answerText(output),
      model: wordOf(fields.model),
      finish_reason: wordOf(objectOf(fields.incomplete_details).reason) ?? wordOf(fields.status),
      usage: usageOf(fields.usage),
      tool_calls: someOf(output.flatMap(callOf)),
      reasoning: reasoningOf(output),
      refusal: partsOf(output)
        .map((part) => (part.type === "refusal" ? stringOf(part.refusal) : undefined))
        .find(wordOf),
      media: someOf(output.flatMap(imageOf)),
      id: wordOf(fields.id),
    });
  },
  assembleRequest: (chunks) => {
    const create = objectOf(lastCreate(chunks));
    return { ...create, ...objectOf(create.response) };
  },
  assemble: assembleResponse,
};

/** The WebSocket message that is the request, if there are several messages. */
export const lastCreate = (chunks: readonly StreamChunk[]): JsonObject | undefined =>
  chunks.map(({ data }) => objectOf(data)).findLast(({ type }) => type === "response.create");

/** Codex 0.171 sends its tools as an item of the input. */
const ADDED_TOOLS = "additional_tools";
/** Input items of Codex that contain settings. */
const SETTINGS: ReadonlySet<unknown> = new Set(["configuration_update", "compaction_trigger"]);

function toolsOf({ tools, input }: JsonObject): unknown {
  const added = listOf(input)
    .map(objectOf)
    .flatMap((item) => (item.type === ADDED_TOOLS ? listOf(item.tools) : []));
  return added.length > 0 ? [...listOf(tools), ...added] : tools;
}

/** The role of items without one: model output, tool results, and settings. */
function roleOf(item: JsonObject): string {
  if (typeof item.role === "string") return item.role;
  if (SETTINGS.has(item.type)) return "developer";
  // A message between Codex's agents.
  if (item.type === "agent_message") return "user";
  const type = wordOf(item.type);
  return type?.endsWith("_output") ? "tool" : type === undefined ? "user" : "assistant";
}

function inputMessages(input: unknown): Message[] | undefined {
  if (typeof input === "string") return [{ role: "user", content: input }];
  if (!Array.isArray(input)) return undefined;
  const items = input.filter(isObject).filter(({ type }) => type !== ADDED_TOOLS);
  return items.map((sent) => {
    const item = withoutMedia(sent);
    return {
      ...(item.type === "message" ? withoutType(item) : item),
      role: roleOf(item),
      content: contentOf(item.content ?? item.output ?? item.arguments, inputPart),
    };
  });
}

/** Tool items have images outside of content: screenshots and generated images. */
function withoutMedia(item: JsonObject): JsonObject {
  const { result, output } = item;
  if (item.type === "image_generation_call" && typeof result === "string") {
    return { ...item, result: base64Reference(result, undefined, "image") };
  }
  return isObject(output) ? { ...item, output: inputPart(output) ?? output } : item;
}

function withoutType({ type: _, ...item }: JsonObject): JsonObject {
  return item;
}

function inputPart(part: JsonObject): unknown {
  const { type, image_url: image, file_data: file, file_url: url } = part;
  if ((type === "input_image" || type === "computer_screenshot") && typeof image === "string")
    return urlReference(image, "image");
  if (type === "input_file" && typeof (file ?? url) === "string")
    return urlReference(String(file ?? url), "file");
  return undefined;
}

function partsOf(output: readonly JsonObject[]): JsonObject[] {
  return output
    .filter((item) => item.type === "message")
    .flatMap((item) => listOf(item.content).map(objectOf));
}

function answerText(output: readonly JsonObject[]): string | undefined {
  const texts = partsOf(output).filter((part) => part.type === "output_text");
  return texts.length > 0 ? texts.map((part) => stringOf(part.text) ?? "").join("") : undefined;
}

/** Calls of the user's functions (`call_id` links them to their output) and of OpenAI's own tools. */
function callOf(item: JsonObject): ToolCall[] {
  const type = wordOf(item.type);
  if (!type?.endsWith("_call") || type === "image_generation_call") return [];
  const given = item.arguments ?? item.input ?? item.action ?? item.code ?? item.queries;
  return [toolCall(item.call_id ?? item.id, item.name ?? type.replace(/_call$/, ""), given)];
}

function reasoningOf(output: readonly JsonObject[]): string | undefined {
  const texts = output
    .filter((item) => item.type === "reasoning")
    .flatMap((item) => [...listOf(item.summary), ...listOf(item.content)])
    .map((part) => stringOf(objectOf(part).text) ?? "");
  return wordOf(texts.join("\n\n"));
}

function imageOf(item: JsonObject): unknown[] {
  return item.type === "image_generation_call" && typeof item.result === "string"
    ? [base64Reference(item.result, item.output_format ? `image/${item.output_format}` : undefined, "image")]
    : [];
}

/**
 * Assembles events to one response. The last event contains it whole; if the stream is interrupted, or the last event
 * is empty (as in ChatGPT's responses to Codex), it is assembled from the deltas.
 */
function assembleResponse(chunks: readonly StreamChunk[]): JsonObject {
  const response: Growing = {};
  let usage: JsonObject | undefined;
  const items = new Map<number, Growing>();
  /** Index of items by id, since a stream may start as many as it has chunks. */
  const placesById = new Map<string, number>();
  let current = 0;
  const placeOf = (data: JsonObject): number => {
    const id = wordOf(data.item_id) ?? wordOf(objectOf(data.item).id);
    const known = id === undefined ? undefined : placesById.get(id);
    const type = stringOf(data.type) ?? "";
    const next = type === "response.output_item.added" && items.size > 0 ? current + 1 : current;
    current = numberOf(data.output_index) ?? known ?? next;
    return current;
  };
  const put = (at: number, item: Growing): void => {
    items.set(at, item);
    const id = wordOf(item.id);
    if (id !== undefined && !placesById.has(id)) placesById.set(id, at);
  };
  for (const { event, data } of chunks) {
    if (!isObject(data)) continue;
    const type = stringOf(data.type) ?? event ?? "";
    usage = laterUsage(usage, data.usage);
    if (isObject(data.response)) {
      const { usage: counted, ...rest } = data.response;
      assign(response, rest);
      usage = laterUsage(usage, counted);
    } else if (type === "error" || isObject(data.error)) {
      response.error = data.error ?? data;
    } else if (type.startsWith("response.output_item.")) {
      const at = placeOf(data);
      const { content, ...item } = structuredClone(objectOf(data.item)) as Growing;
      const known = items.get(at) ?? {};
      assign(known, item);
      if (listOf(content).length > 0) known.content = content;
      put(at, known);
    } else if (/\.(?:delta|done)$/.test(type)) {
      const at = placeOf(data);
      const item = items.get(at) ?? present({ id: wordOf(data.item_id) });
      put(at, item);
      addText(item, type, data);
    }
  }
  const output = listOf(response.output).length > 0 ? response.output : inOrder(items);
  return present({ ...response, output, usage });
}

function inOrder(items: ReadonlyMap<number, Growing>): Growing[] {
  return [...items].sort(([one], [other]) => one - other).map(([, item]) => item);
}

/** Destination of a delta's text: the item's type, the list and its index, the empty part, the part's field. */
const TEXT_DELTAS: {
  readonly [event: string]: readonly [string, "content" | "summary", string, string, string];
} = {
  "response.output_text.delta": ["message", "content", "content_index", "output_text", "text"],
  "response.refusal.delta": ["message", "content", "content_index", "refusal", "refusal"],
  "response.reasoning_summary_text.delta": ["reasoning", "summary", "summary_index", "summary_text", "text"],
  "response.reasoning_text.delta": ["reasoning", "content", "content_index", "reasoning_text", "text"],
};

const INPUT_DELTAS: { readonly [event: string]: "arguments" | "input" } = {
  "response.function_call_arguments.delta": "arguments",
  "response.mcp_call_arguments.delta": "arguments",
  "response.custom_tool_call_input.delta": "input",
};

/** A `delta` is appended; `done` has the whole text, for servers that send no deltas. */
function addText(item: Growing, event: string, data: JsonObject): void {
  const isWhole = event.endsWith(".done");
  const base = event.replace(/done$/, "delta");
  const put = (known: unknown, piece: unknown): unknown =>
    typeof piece === "string" ? (isWhole ? piece : (stringOf(known) ?? "") + piece) : known;
  const input = INPUT_DELTAS[base];
  if (input) {
    item.type ??=
      input === "input" ? "custom_tool_call" : base.includes("mcp") ? "mcp_call" : "function_call";
    item[input] = put(item[input], isWhole ? data[input] : data.delta);
    item.name ??= data.name;
  }
  const text = TEXT_DELTAS[base];
  if (!text) return;
  const [itemType, list, indexName, partType, field] = text;
  const parts = listIn(item, list);
  const at = Math.min(numberOf(data[indexName]) ?? Math.max(0, parts.length - 1), parts.length);
  const part = objectOf(parts[at] ?? { type: partType });
  parts[at] = { ...part, [field]: put(part[field], isWhole ? data[field] : data.delta) };
  item.type = itemType;
}

/** platform.openai.com/docs/api-reference/responses/input-tokens. */
export const openaiInputTokens: WireFormat = {
  id: "openai_input_tokens",
  type: "token_count",
  request: openaiResponses.request,
  response: (fields) => present({ usage: usageOf(fields) }),
};
