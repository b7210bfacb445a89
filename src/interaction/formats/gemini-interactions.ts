import type { Message, StreamChunk } from "../interaction.js";
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
import { textOf } from "../text.js";
import { laterUsage, usageOf } from "../usage.js";
import { addTo, assign, type Growing } from "./assembly.js";
import { contentOf } from "./messages.js";
import { someOf, toolCall } from "./tool-calls.js";
import type { WireFormat } from "./wire-format.js";

/**
 * Gemini's Interactions (ai.google.dev/gemini-api/docs/interactions): plain, or as named events. An answer is a list
 * of steps; before May 2026 it was a flat list of outputs.
 */
export const geminiInteractions: WireFormat = {
  id: "gemini_interactions",
  type: "chat",
  request: (fields) => {
    const config = objectOf(fields.generation_config);
    return present({
      system: fields.system_instruction ?? undefined,
      messages: inputMessages(fields.input),
      model: wordOf(fields.model)?.replace(/^models\//, "") ?? wordOf(fields.agent),
      stream: booleanOf(fields.stream),
      temperature: numberOf(config.temperature),
      top_p: numberOf(config.top_p),
      max_tokens: numberOf(config.max_output_tokens),
      thinking: config.thinking_level,
      tools: fields.tools,
      tool_choice: config.tool_choice,
      background: fields.background === true || undefined,
      previous_interaction_id: wordOf(fields.previous_interaction_id),
    });
  },
  response: (fields) => {
    const steps = [...listOf(fields.steps), ...listOf(fields.outputs)].map(objectOf);
    const texts = steps.filter(({ type }) => type === "text" || type === "model_output");
    const thoughts = steps.filter(({ type }) => type === "thought");
    return present({
      content: textOf(texts.map((step) => (step.type === "text" ? step : step.content))),
      model: (wordOf(fields.model) ?? wordOf(fields.agent))?.replace(/^models\//, ""),
      finish_reason: wordOf(fields.status),
      usage: usageOf(fields.usage),
      tool_calls: someOf(
        steps
          .filter(({ type }) => stringOf(type)?.endsWith("_call"))
          .map(({ type, id, name, arguments: given }) =>
            toolCall(id, name ?? stringOf(type)?.replace(/_call$/, ""), given),
          ),
      ),
      reasoning: wordOf(thoughts.map(({ summary }) => textOf(summary) ?? "").join("")),
      media: someOf(texts.flatMap((step) => listOf(step.content).flatMap((part) => mediaOf(part) ?? []))),
      id: wordOf(fields.id),
    });
  },
  assemble: assembleInteraction,
};

/** A text, one content, contents, or the steps of a conversation; formerly, turns with a role. */
function inputMessages(input: unknown): Message[] | undefined {
  if (typeof input === "string") return [{ role: "user", content: input }];
  const list = (isObject(input) ? [input] : listOf(input)).filter(isObject);
  if (list.length === 0) return undefined;
  const isConversation = list.some(
    ({ type, role }) => role !== undefined || /_|^thought$/.test(String(type)),
  );
  if (!isConversation) return [{ role: "user", content: contentOf(list, mediaOf) }];
  return list.map(({ type, role, content, ...rest }) => ({
    ...rest,
    ...(isObject(content) || Array.isArray(content) || typeof content === "string" ? {} : { type }),
    role: wordOf(role) ?? roleOf(stringOf(type) ?? ""),
    content: contentOf(content ?? rest.result ?? rest.arguments ?? rest.summary, mediaOf),
  }));
}

function roleOf(type: string): string {
  if (type.endsWith("_result")) return "tool";
  return type === "model_output" || type === "thought" || type.endsWith("_call") ? "assistant" : "user";
}

function mediaOf(part: unknown) {
  const { type, data, uri, mime_type: mediaType } = objectOf(part);
  if (!/^(?:image|audio|video|document)$/.test(String(type))) return undefined;
  const kind = type === "document" ? "file" : String(type);
  if (typeof data === "string") return base64Reference(data, wordOf(mediaType), kind);
  return typeof uri === "string" ? urlReference(uri, kind, wordOf(mediaType)) : undefined;
}

/** Assembles events to one interaction: deltas extend steps; the last event repeats it, usually without its steps. */
function assembleInteraction(chunks: readonly StreamChunk[]): JsonObject {
  const interaction: Growing = {};
  let usage: JsonObject | undefined;
  let error: unknown;
  const steps = new Map<number, Growing>();
  /** The highest index so far, used for events without one. */
  let last = 0;
  const stepAt = (index: unknown): Growing => {
    const at = numberOf(index) ?? last;
    last = Math.max(last, at);
    const known = steps.get(at) ?? {};
    steps.set(at, known);
    return known;
  };
  for (const { event, data } of chunks) {
    if (!isObject(data)) continue;
    const kind = stringOf(data.event_type) ?? event ?? "";
    const { interaction: update } = data;
    if (isObject(update)) {
      const { usage: counted, ...rest } = update;
      assign(interaction, rest);
      usage = laterUsage(usage, counted);
    }
    usage = laterUsage(usage, objectOf(data.metadata).total_usage);
    if (kind === "step.start" || kind === "content.start") {
      Object.assign(stepAt(data.index), structuredClone(objectOf(data.step ?? data.content)));
    } else if (kind === "step.delta" || kind === "content.delta")
      addDelta(stepAt(data.index), objectOf(data.delta));
    else if (isObject(data.error)) error = data.error;
    else if (typeof data.status === "string") interaction.status = data.status;
  }
  for (const step of steps.values()) {
    if (typeof step.arguments === "string") step.arguments = jsonOrText(step.arguments);
  }
  const repeated = listOf(interaction.steps).length + listOf(interaction.outputs).length > 0;
  const streamed = steps.size > 0 && !repeated ? { steps: [...steps.values()] } : {};
  return present({ ...interaction, ...streamed, usage, error });
}

function addDelta(step: Growing, delta: JsonObject): void {
  switch (delta.type) {
    case "text":
      if (step.type === "text") step.text = (stringOf(step.text) ?? "") + (stringOf(delta.text) ?? "");
      else {
        step.type ??= "model_output";
        addTo(step, "content", [{ type: "text", text: delta.text }]);
      }
      return;
    case "thought_summary":
      step.type ??= "thought";
      addTo(step, "summary", [delta.content]);
      return;
    case "arguments_delta":
      step.type ??= "function_call";
      step.arguments = (stringOf(step.arguments) ?? "") + (stringOf(delta.arguments) ?? "");
      return;
    default:
      // Whole contents and calls: images, sounds, and calls of tools run by Google.
      if (stringOf(delta.type)?.endsWith("_call")) Object.assign(step, delta);
      else if (/^(?:image|audio|video|document)$/.test(String(delta.type))) {
        step.type ??= "model_output";
        addTo(step, "content", [delta]);
      }
  }
}
