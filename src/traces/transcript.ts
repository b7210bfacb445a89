/** A conversation as a person reads it. Values in, lines out; nothing in them steers a terminal. */

import type { OximyEvent } from "../event/event.js";
import type { Message } from "../interaction/interaction.js";
import { isObject, type JsonObject, listOf, objectOf, stringOf } from "../interaction/json.js";
import { money } from "../sinks/feed.js";
import { localClock } from "../sinks/traces-folder.js";
import { printable, shortened } from "../terminal.js";

export interface TranscriptStyle {
  /** `folded`: a line for each call of a tool and for each result. */
  readonly tools: "folded" | "whole";
}

const FOLDED = 100;

/** One event: what was said since the answer before it, and the answer. */
export function transcriptOf(event: OximyEvent, style: TranscriptStyle): string[] {
  const { interaction, metadata, conversation } = event;
  const request = interaction?.request;
  const messages = listOf(request?.messages).filter(isObject) as unknown as Message[];
  const said = conversation?.parent_event_id === undefined ? messages : sinceAnswer(messages);
  const prompt = stringOf(request?.prompt);
  return [
    headline(event),
    ...(prompt === undefined ? [] : spoken("user", prompt)),
    ...said.flatMap((message) => linesOf(message, style)),
    ...answerOf(event, style),
    ...(metadata.error === undefined ? [] : [`  ! ${printable(metadata.error)}`]),
    "",
  ];
}

function headline({ timestamp, conversation, interaction, metadata, event_id }: OximyEvent): string {
  const usage = interaction?.response?.usage;
  const parts = [
    localClock(new Date(timestamp)),
    `turn ${conversation?.turn ?? "?"}`,
    ...(conversation?.agent === undefined ? [] : [`agent ${conversation.agent}`]),
    interaction?.model ?? "unknown model",
    ...(usage === undefined ? [] : [`${usage.input_tokens ?? "?"} in ${usage.output_tokens ?? "?"} out`]),
    ...(usage?.cache_read_tokens === undefined ? [] : [`${usage.cache_read_tokens} from the cache`]),
    ...(interaction?.cost_usd === undefined ? [] : [`~$${money(interaction.cost_usd)}`]),
    ...(metadata.response_status !== undefined && metadata.response_status >= 400
      ? [String(metadata.response_status)]
      : []),
    event_id,
  ];
  return printable(`── ${parts.join("  ")}`);
}

function sinceAnswer(messages: readonly Message[]): readonly Message[] {
  return messages.slice(messages.findLastIndex(({ role }) => role === "assistant" || role === "model") + 1);
}

function answerOf({ interaction }: OximyEvent, style: TranscriptStyle): string[] {
  const { content, tool_calls, error } = interaction?.response ?? {};
  return [
    ...(typeof content === "string" && content !== "" ? spoken("assistant", content) : []),
    ...listOf(tool_calls)
      .map(objectOf)
      .flatMap((call) => called(call.name, call.arguments, style)),
    ...(error === undefined ? [] : [`  ! ${printable(error.message ?? error.type ?? "error")}`]),
  ];
}

function linesOf(message: Message, style: TranscriptStyle): string[] {
  const { role, content } = message;
  if (role === "system" || role === "developer") return [];
  if (role === "tool") return returned(textOf(content), style);
  const parts = typeof content === "string" ? [content] : listOf(content);
  return parts.flatMap((part) => partLines(role, part, style));
}

function partLines(role: string, part: unknown, style: TranscriptStyle): string[] {
  if (typeof part === "string") return spoken(role, part);
  const { type, text, content, name, input, functionCall, functionResponse, toolUse, toolResult } =
    objectOf(part);
  if (typeof text === "string") return spoken(role, text);
  if (type === "tool_use") return called(name, input, style);
  if (type === "tool_result") return returned(textOf(content), style);
  if (isObject(functionCall)) return called(functionCall.name, functionCall.args, style);
  if (isObject(functionResponse)) return returned(JSON.stringify(functionResponse.response ?? null), style);
  if (isObject(toolUse)) return called(toolUse.name, toolUse.input, style);
  if (isObject(toolResult)) return returned(textOf((toolResult as JsonObject).content), style);
  return [`  [${printable(stringOf(type) ?? "part")}]`];
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return listOf(content)
    .map((part) => stringOf(objectOf(part).text) ?? `[${stringOf(objectOf(part).type) ?? "part"}]`)
    .join("\n");
}

function spoken(role: string, text: string): string[] {
  return [`${printable(role)}:`, ...indented(text)];
}

function called(name: unknown, given: unknown, { tools }: TranscriptStyle): string[] {
  const json = typeof given === "string" ? given : (JSON.stringify(given) ?? "");
  const head = `  ▸ ${printable(stringOf(name) ?? "tool")}`;
  return tools === "folded" ? [`${head} ${folded(json)}`] : [head, ...indented(json)];
}

function returned(text: string, { tools }: TranscriptStyle): string[] {
  return tools === "folded" ? [`  ◂ ${text.length} characters: ${folded(text)}`] : ["  ◂", ...indented(text)];
}

function indented(text: string): string[] {
  return text
    .trim()
    .split(/\r?\n/)
    .map((line) => `  ${printable(line.replaceAll("\t", "    "))}`);
}

function folded(text: string): string {
  const start = printable(
    text
      .slice(0, 4 * FOLDED)
      .replace(/\s+/g, " ")
      .trim(),
  );
  return shortened(start, FOLDED);
}
