/** Filter options of the commands that read events. */

import { type Command, InvalidArgumentError, Option } from "commander";
import type { EventFilter, StatusTerm } from "../traces/event-filter.js";
import { textPattern } from "../traces/event-filter.js";
import { parseSince } from "./since.js";

type FilterName = Exclude<keyof EventFilter, "uid">;

const OPTIONS: Readonly<Record<FilterName, () => Option>> = {
  app: () => new Option("--app <app>", "only this app: its id or name, or the name of the process"),
  provider: () => new Option("--provider <provider>", "only this provider, app or website: its id"),
  model: () => new Option("--model <model>", "only this model; * matches any characters"),
  status: () =>
    new Option("--status <list>", "only these statuses: 429, 4xx, 500-504, ok, failed").argParser(
      parseStatus,
    ),
  since: () =>
    new Option("--since <time>", "only from this time on: 30m, 2h, 3d, a date or an ISO time").argParser(
      (text: string) => parseSince(text),
    ),
  until: () =>
    new Option("--until <time>", "only before this time, in the format of --since").argParser(
      (text: string) => parseSince(text),
    ),
  findings: () => new Option("--findings", "only events with findings, such as a credential"),
  grep: () =>
    new Option("--grep <text>", "only events that contain this text, case-insensitive").argParser(
      (text: string) => {
        if (text === "") throw new InvalidArgumentError("It is empty.");
        return textPattern(text);
      },
    ),
};

export const ALL_FILTERS = Object.keys(OPTIONS) as readonly FilterName[];

export function addFilterOptions(command: Command, names: readonly FilterName[] = ALL_FILTERS): Command {
  for (const name of names) command.addOption(OPTIONS[name]());
  return command;
}

/** The filter that these options specify. */
export function filterOf(command: Command): EventFilter {
  const given = command.opts<Record<string, unknown>>();
  return Object.fromEntries(
    ALL_FILTERS.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
  );
}

/** One or more comma-separated terms: `429`, `4xx`, `500-504`, `ok`, `failed`. */
export function parseStatus(text: string): StatusTerm[] {
  return text.split(",").map((part) => {
    const term = part.trim().toLowerCase();
    if (term === "ok" || term === "failed") return term;
    const [, hundreds] = /^([1-5])xx$/.exec(term) ?? [];
    if (hundreds !== undefined) return { from: Number(hundreds) * 100, to: Number(hundreds) * 100 + 99 };
    const [, from, to = from] = /^(\d{3})(?:-(\d{3}))?$/.exec(term) ?? [];
    if (from === undefined || Number(to) < Number(from)) {
      throw new InvalidArgumentError("It must be statuses such as 429, 4xx, 500-504, ok or failed.");
    }
    return { from: Number(from), to: Number(to) };
  });
}
