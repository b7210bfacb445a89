/** `oximy stats`: how many calls, tokens and estimated dollars, by app, model and day. */

import type { Command } from "commander";
import { findCaller } from "../local/caller.js";
import { oximyHome } from "../local/settings.js";
import { money } from "../sinks/feed.js";
import { printable, printError, printJson, printText } from "../terminal.js";
import { WITHOUT_WORDS } from "../traces/cut-line.js";
import { type EventFilter, readEvents } from "../traces/event-files.js";
import { type StatsRow, summarise } from "../traces/event-stats.js";
import { addSomeOptions, outputFolder } from "./capture-options.js";
import { noEvents, sinceOption } from "./events.js";

export function addStatsCommand(program: Command): void {
  const command = program
    .command("stats")
    .description("calls, tokens and estimated cost, by app, model and day")
    .addOption(sinceOption())
    .option("--json", "print JSON", false);
  addSomeOptions(command, "output_dir").action(async () => {
    const { json, since } = command.opts<{ json: boolean; since?: Date }>();
    const folder = outputFolder(command, oximyHome(process.env, findCaller().home));
    const filter: EventFilter = since === undefined ? {} : { since };
    const { total, byApp, byModel, byDay } = await summarise(readEvents(folder, filter, WITHOUT_WORDS));
    if (json) {
      printJson({ total, by_app: byApp, by_model: byModel, by_day: byDay }, 2);
    } else if (total.events === 0) {
      printError(noEvents(folder, since === undefined ? "all" : "chosen"));
    } else {
      printText(statsTable({ app: byApp, model: byModel, day: byDay, "": [total] }));
    }
  });
}

/** One block for each heading; columns are as wide as their widest cell. */
export function statsTable(blocks: Readonly<Record<string, readonly StatsRow[]>>): string {
  const names = ["events", "failed", "tokens in", "tokens out", "~ USD"];
  const lines = Object.entries(blocks).flatMap(([heading, rows]) => [
    ...(heading === "" ? [] : [[heading, ...names]]),
    ...rows.map((row) => [
      printable(row.key),
      String(row.events),
      String(row.failed),
      String(row.input_tokens),
      String(row.output_tokens),
      money(row.cost_usd),
    ]),
    [],
  ]);
  const widths = ["", ...names].map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  return lines
    .map((cells) =>
      cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))),
    )
    .map((cells) => cells.join("  "))
    .join("\n")
    .trimEnd();
}
