/** `oximy stats`: calls, tokens, estimated cost and durations. */

import { type Command, InvalidArgumentError, Option } from "commander";
import { money } from "../sinks/feed.js";
import { printable, printError, printJson, printText } from "../terminal.js";
import { WITHOUT_WORDS } from "../traces/cut-line.js";
import { readEvents } from "../traces/event-files.js";
import {
  DIMENSIONS,
  type Dimension,
  type EventStats,
  type StatsRow,
  type StatsTable,
  summarise,
} from "../traces/event-stats.js";
import { findInvokingUser } from "../user/invoking-user.js";
import { oximyHome } from "../user/settings.js";
import { addSomeOptions, outputFolder } from "./capture-options.js";
import { noEvents } from "./events.js";
import { addFilterOptions, filterOf } from "./filter-options.js";

interface StatsFlags {
  readonly by?: readonly Dimension[];
  readonly json: boolean;
  readonly csv: boolean;
}

const SEPARATE: ReadonlyArray<readonly Dimension[]> = [["app"], ["model"], ["day"]];
/** A CSV file has one table. */
const OF_FILES: readonly Dimension[] = ["app", "model", "day"];

export function addStatsCommand(program: Command): void {
  const command = program
    .command("stats")
    .description("show calls, tokens, estimated cost, errors and durations by app, model and day")
    .addOption(
      new Option("--by <list>", `one row per combination of these: ${DIMENSIONS.join(",")}`).argParser(
        parseDimensions,
      ),
    );
  addFilterOptions(command)
    .option("--json", "print JSON", false)
    .addOption(new Option("--csv", "print comma-separated values").default(false).conflicts("json"));
  addSomeOptions(command, "output_dir").action(async () => {
    const { by, json, csv } = command.opts<StatsFlags>();
    const folder = outputFolder(command, oximyHome(process.env, findInvokingUser().home));
    const filter = filterOf(command);
    const tables = by !== undefined ? [by] : csv ? [OF_FILES] : SEPARATE;
    const stats = await summarise(readEvents(folder, filter, WITHOUT_WORDS), tables);
    if (json) printJson(jsonOf(stats, by), 2);
    else if (csv) printText(csvOf(stats.tables[0]!));
    else if (stats.total.events === 0) {
      printError(noEvents(folder, Object.keys(filter).length === 0 ? "all" : "chosen"));
    } else printText(statsTable(stats));
  });
}

export function parseDimensions(text: string): Dimension[] {
  const names = text.split(",").map((name) => name.trim());
  const known = names.filter((name): name is Dimension => (DIMENSIONS as readonly string[]).includes(name));
  if (known.length !== names.length || new Set(names).size !== names.length) {
    throw new InvalidArgumentError(`It must be some of ${DIMENSIONS.join(",")}, each once.`);
  }
  return known;
}

/** Without --by, one list per dimension, whose rows have their key under `key`; with it, a single list. */
function jsonOf({ total, tables }: EventStats, by: readonly Dimension[] | undefined): unknown {
  const { keys: _, ...sums } = total;
  if (by !== undefined) return { total: sums, rows: tables[0]!.rows.map((row) => named(row, by)) };
  const lists = tables.map((table) => [`by_${table.by[0]}`, table.rows.map((row) => named(row, ["key"]))]);
  return { total: sums, ...Object.fromEntries(lists) };
}

function named({ keys, ...sums }: StatsRow, names: readonly string[]): Record<string, unknown> {
  return { ...Object.fromEntries(names.map((name, at) => [name, keys[at]])), ...sums };
}

/** RFC 4180, with a header line. Cells that a spreadsheet would treat as a formula get a leading apostrophe. */
export function csvOf({ by, rows }: StatsTable): string {
  const lines = rows.map((row) => {
    const { keys, ...sums } = row;
    return [
      ...keys.map((key) => key.replace(/^[=+\-@\t\r]/, "'$&")),
      ...Object.values(sums).map((sum) => sum ?? ""),
    ];
  });
  const { keys: _, ...names } = EMPTY_ROW;
  return [[...by, ...Object.keys(names)], ...lines].map((cells) => cells.map(csvCell).join(",")).join("\n");
}

function csvCell(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The names of the sums, in their order. */
const EMPTY_ROW: StatsRow = {
  keys: [],
  events: 0,
  calls: 0,
  failed: 0,
  input_tokens: 0,
  cache_read_tokens: 0,
  cache_creation_tokens: 0,
  output_tokens: 0,
  cost_usd: 0,
  duration_p50_ms: null,
  duration_p95_ms: null,
  ttfb_p50_ms: null,
  ttfb_p95_ms: null,
};

const HEADINGS = ["events", "calls", "failed", "tokens in", "cached", "written", "tokens out", "~ USD"];
const TIMES = ["p50", "p95", "first p50", "first p95"];

/** One block per list of dimensions; each column is as wide as its widest cell. */
export function statsTable({ total, tables }: EventStats): string {
  const numbers = [...HEADINGS, ...TIMES];
  const most = Math.max(...tables.map(({ by }) => by.length));
  const filled = (cells: readonly string[]) => [...cells, ...Array<string>(most - cells.length).fill("")];
  const lines = [
    ...tables.flatMap(({ by, rows }) => [
      [...filled(by), ...numbers],
      ...rows.map((row) => [...filled(row.keys.map(printable)), ...cellsOf(row)]),
      [],
    ]),
    [...filled(total.keys), ...cellsOf(total)],
  ];
  const widths = [...Array(most + numbers.length).keys()].map((column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  return lines
    .map((cells) =>
      cells.map((cell, at) => (at < most ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))),
    )
    .map((cells) => cells.join("  ").trimEnd())
    .join("\n");
}

function cellsOf(row: StatsRow): string[] {
  return [
    row.events,
    row.calls,
    row.failed,
    row.input_tokens,
    row.cache_read_tokens,
    row.cache_creation_tokens,
    row.output_tokens,
    money(row.cost_usd),
    ...[row.duration_p50_ms, row.duration_p95_ms, row.ttfb_p50_ms, row.ttfb_p95_ms].map(time),
  ].map(String);
}

function time(milliseconds: number | null): string {
  if (milliseconds === null) return "";
  return milliseconds < 10_000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
