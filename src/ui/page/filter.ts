/** Which rows are shown: the filters of the command line, and free text. */

import type { Row } from "../wire.js";

export interface Filter {
  readonly app: string;
  readonly provider: string;
  readonly model: string;
  readonly project: string;
  /** Milliseconds since 1970; 0 for all. */
  readonly since: number;
  readonly show: "all" | "read" | "failed" | "unread";
  readonly text: string;
}

export const ALL: Filter = { app: "", provider: "", model: "", project: "", since: 0, show: "all", text: "" };

/** @param found ids of the events whose lines have the text, as far as it is known */
export function matcher(filter: Filter, found: ReadonlyMap<string, string>): (row: Row) => boolean {
  const { app, provider, model, project, since, show, text } = filter;
  const pattern = text === "" ? undefined : new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "iu");
  return (row) =>
    row.at >= since &&
    (app === "" || row.app === app) &&
    (provider === "" || row.provider === provider || row.source === provider) &&
    (model === "" || row.model === model) &&
    (project === "" || row.project === project) &&
    isShown(row, show) &&
    (pattern === undefined || found.has(row.id) || hasText(row, pattern));
}

function isShown({ reason, failed }: Row, show: Filter["show"]): boolean {
  if (show === "all") return true;
  if (show === "failed") return failed === true;
  return (reason !== undefined) === (show === "unread");
}

/** What the row itself shows; the server looks through the rest. */
function hasText(
  { words, app, model, provider, host, path, project, id, reason }: Row,
  pattern: RegExp,
): boolean {
  return [words, app, model, provider, host, path, project, id, reason].some(
    (part) => part !== undefined && pattern.test(part),
  );
}

/** The values of a field with how many rows have each, most first. */
export function valuesOf(rows: readonly Row[], of: (row: Row) => string | undefined): [string, number][] {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const value = of(row);
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].sort(([a, many], [b, others]) => others - many || (a < b ? -1 : 1));
}
