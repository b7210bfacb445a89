/** A conversation as a person reads it. Values in, lines out; nothing in them steers a terminal. */

import type { OximyEvent } from "../event/event.js";
import { money } from "../sinks/feed.js";
import { localClock } from "../sinks/traces-folder.js";
import { printable, shortened } from "../terminal.js";
import { answered, type Said, saidBefore } from "./said.js";

export interface TranscriptStyle {
  /** `folded`: a line for each call of a tool and for each result. */
  readonly tools: "folded" | "whole";
}

const FOLDED = 100;

/** One event: what was said since the answer before it, and the answer. */
export function transcriptOf(event: OximyEvent, style: TranscriptStyle): string[] {
  const { interaction, metadata } = event;
  const error = interaction?.response?.error;
  return [
    headline(event),
    ...[...saidBefore(event), ...answered(event)].flatMap((said) => linesOf(said, style)),
    ...(error === undefined ? [] : [`  ! ${printable(error.message ?? error.type ?? "error")}`]),
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

function linesOf(said: Said, { tools }: TranscriptStyle): string[] {
  switch (said.kind) {
    case "text":
      return [`${printable(said.role)}:`, ...indented(said.text)];
    case "thought":
      return [`  … ${folded(said.text)}`];
    case "call": {
      const head = `  ▸ ${printable(said.name)}`;
      return tools === "folded" ? [`${head} ${folded(said.given)}`] : [head, ...indented(said.given)];
    }
    case "result":
      return tools === "folded"
        ? [`  ◂ ${said.text.length} characters: ${folded(said.text)}`]
        : ["  ◂", ...indented(said.text)];
    case "other":
      return [`  [${printable(said.type)}]`];
  }
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
