/** `oximy diff ID ID`: differences between two requests, and where the provider's cache was lost. */

import type { Command } from "commander";
import { OximyError } from "../errors.js";
import type { OximyEvent } from "../event/event.js";
import { printable, printJson, printText, shortened } from "../terminal.js";
import { WITHOUT_BODIES } from "../traces/cut-line.js";
import { readEvents } from "../traces/event-files.js";
import { diffRequests, type RequestDiff, type TextChange } from "../traces/request-diff.js";
import { findInvokingUser } from "../user/invoking-user.js";
import { oximyHome } from "../user/settings.js";
import { addSomeOptions, outputFolder } from "./capture-options.js";

const SHOWN = 120;

export function addDiffCommand(program: Command): void {
  const command = program
    .command("diff")
    .description("compare two requests: system prompt, tools, messages; and show where the cache was lost")
    .argument("<first>", "event_id of a call")
    .argument("<second>", "event_id of a later one")
    .option("--json", "print JSON", false);
  addSomeOptions(command, "output_dir").action(async (first: string, second: string) => {
    const folder = outputFolder(command, oximyHome(process.env, findInvokingUser().home));
    const events = await eventsById(folder, [first, second]);
    const diff = diffRequests(events[0]!, events[1]!);
    if (command.opts<{ json: boolean }>().json) printJson(diff, 2);
    else printText(diffText(diff));
  });
}

async function eventsById(folder: string, ids: readonly string[]): Promise<OximyEvent[]> {
  const found = new Map<string, OximyEvent>();
  for await (const event of readEvents(folder, {}, WITHOUT_BODIES)) {
    if (!ids.includes(event.event_id)) continue;
    found.set(event.event_id, event);
    if (ids.every((id) => found.has(id))) break;
  }
  return ids.map((id) => {
    const event = found.get(id);
    if (event?.interaction !== undefined) return event;
    throw new OximyError(
      "OXIMY_E_USAGE",
      event === undefined
        ? `There is no event ${id} in ${folder}.`
        : `The request of event ${id} was not read.`,
      "oximy show ID prints the ids of a conversation's events.",
    );
  });
}

export function diffText({ system, tools, messages, fields, cache }: RequestDiff): string {
  const lists = [
    ["added", tools.added],
    ["removed", tools.removed],
    ["changed", tools.changed],
  ] as const;
  const toolLines = lists.flatMap(([what, names]) =>
    names.length === 0 ? [] : [`  ${what}: ${names.join(", ")}`],
  );
  if (tools.reordered) toolLines.push("  in another order");
  const { same, before, after, change } = messages;
  const lines = [
    ...(system ? ["system prompt:", ...changeLines(system)] : ["system prompt: the same"]),
    ...(toolLines.length > 0 ? ["tools:", ...toolLines] : ["tools: the same"]),
    `messages: ${before} and ${after}, the first ${same} the same`,
    ...(change ? [`  message ${same + 1}, ${change.role}:`, ...changeLines(change)] : []),
    ...fields.map(
      ({ name, before: old, after: now }) => `${name}: ${shown(old || "–")} → ${shown(now || "–")}`,
    ),
    cacheLine(cache, same),
  ];
  return lines.map(printable).join("\n");
}

function changeLines({ line, before, after }: TextChange): string[] {
  return [`  line ${line}:`, `  - ${shown(before)}`, `  + ${shown(after)}`];
}

const LOST: Record<RequestDiff["cache"]["lostAt"], (same: number) => string> = {
  model: () => "lost: each model has its own cache",
  tools: () => "lost completely: the tools differ, and everything else follows them",
  system: () => "lost from the system prompt on",
  messages: (same) => `lost from message ${same + 1} on`,
  nowhere: () => "the first request is a prefix of the second",
};

function cacheLine({ read, input, lostAt }: RequestDiff["cache"], same: number): string {
  const usage =
    read === undefined ? "" : ` (${read} of ${input ?? "?"} tokens of the second were read from it)`;
  return `cache: ${LOST[lostAt](same)}${usage}`;
}

const shown = (text: string) => shortened(text, SHOWN);
