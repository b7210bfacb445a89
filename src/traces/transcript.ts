/** A conversation as text. Values in, lines out; they contain no control characters. */

import type { OximyEvent } from "../event/event.js";
import { askedOf } from "../event/facts.js";
import { money } from "../sinks/feed.js";
import { localClock } from "../sinks/traces-folder.js";
import { printable, shortened } from "../terminal.js";
import { answerOf, inputOf, type Part } from "./turn.js";

export interface TranscriptStyle {
  /** `folded`: one line for each tool call and each result. */
  readonly tools: "folded" | "whole";
}

const FOLDED = 100;

/** One event: the messages since the previous response, and the response. */
export function transcriptOf(event: OximyEvent, style: TranscriptStyle): string[] {
  const { error } = event.metadata;
  return [
    headline(event),
    ...inputOf(event).flatMap((part) => partLines(part, style)),
    ...answerOf(event).flatMap((part) => partLines(part, style)),
    ...(error === undefined ? [] : [`  ! ${printable(error)}`]),
    "",
  ];
}

function headline(event: OximyEvent): string {
  const { timestamp, conversation, interaction, metadata, mcp, event_id } = event;
  const usage = interaction?.response?.usage;
  const parts = [
    localClock(new Date(timestamp)),
    ...(mcp === undefined ? [`turn ${conversation?.turn ?? "?"}`] : ["MCP", askedOf(event)]),
    ...(conversation?.agent === undefined ? [] : [`agent ${conversation.agent}`]),
    ...(mcp === undefined ? [interaction?.model ?? "unknown model"] : []),
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

function partLines(part: Part, style: TranscriptStyle): string[] {
  switch (part.kind) {
    case "text":
      return spoken(part.role, part.text);
    case "call":
      return called(part.name, part.given, style);
    case "result":
      return returned(part.text, style);
    case "error":
      return [`  ! ${printable(part.text)}`];
    case "thinking":
      return [`  … ${folded(part.text)}`];
    case "media":
    case "other":
      return [`  [${printable(part.type)}]`];
  }
}

function spoken(role: string, text: string): string[] {
  return [`${printable(role)}:`, ...indented(text)];
}

function called(name: string, given: string, { tools }: TranscriptStyle): string[] {
  const head = `  ▸ ${printable(name)}`;
  return tools === "folded" ? [`${head} ${folded(given)}`] : [head, ...indented(given)];
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
