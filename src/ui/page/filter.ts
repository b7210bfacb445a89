/** Which rows are shown: the command line's filters, and free text. */

import type { Row } from "../wire.js";

export interface Filter {
  readonly app: string;
  readonly provider: string;
  readonly model: string;
  readonly project: string;
  /** In the format of `oximy events --status`: `429`, `4xx`; empty for all. */
  readonly status: string;
  /** Milliseconds since 1970; 0 for all. */
  readonly since: number;
  readonly show: "all" | "read" | "failed" | "unread";
  readonly text: string;
}

export const ALL: Filter = {
  app: "",
  provider: "",
  model: "",
  project: "",
  status: "",
  since: 0,
  show: "all",
  text: "",
};

/** @param found ids of the events whose lines contain the text, as far as known */
export function matcher(filter: Filter, found: ReadonlyMap<string, string>): (row: Row) => boolean {
  const { app, provider, model, project, status, since, show, text } = filter;
  const pattern = text === "" ? undefined : patternOf(text);
  return (row) =>
    row.at >= since &&
    (app === "" || row.app === app) &&
    (provider === "" || row.provider === provider || row.source === provider) &&
    (model === "" || row.model === model) &&
    (project === "" || row.project === project) &&
    (status === "" || hasStatus(row, status)) &&
    isShown(row, show) &&
    (pattern === undefined || found.has(row.id) || hasText(row, pattern));
}

function isShown({ reason, failed }: Row, show: Filter["show"]): boolean {
  if (show === "all") return true;
  if (show === "failed") return failed === true;
  return (reason !== undefined) === (show === "unread");
}

function hasStatus({ status }: Row, wanted: string): boolean {
  if (status === undefined) return false;
  return wanted.endsWith("xx") ? classOf(status) === wanted : String(status) === wanted;
}

const classOf = (status: number) => `${Math.floor(status / 100)}xx`;

/** The existing statuses, each class before its members, with the number of rows. */
export function statusesOf(rows: readonly Row[]): [string, number][] {
  const classes = valuesOf(rows, ({ status }) => (status === undefined ? undefined : classOf(status)));
  const statuses = valuesOf(rows, ({ status }) => (status === undefined ? undefined : String(status)));
  return [...classes, ...statuses].sort(([a], [b]) => {
    const [one, other] = [a, b].map((text) => text.replace("xx", ""));
    return one! < other! ? -1 : 1;
  });
}

/** Case-insensitive; ASCII patterns use the cheaper non-Unicode rules. */
function patternOf(text: string): RegExp {
  const isAscii = /^[\x00-\x7f]*$/.test(text);
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), isAscii ? "i" : "iu");
}

/** Searches the fields shown in the row; the server searches the rest. */
function hasText(row: Row, pattern: RegExp): boolean {
  const has = (part: string | undefined) => part !== undefined && pattern.test(part);
  return (
    has(row.words) ||
    has(row.app) ||
    has(row.model) ||
    has(row.provider) ||
    has(row.host) ||
    has(row.path) ||
    has(row.project) ||
    has(row.reason) ||
    has(row.id)
  );
}

/** The values of a field with their number of rows, most frequent first. */
export function valuesOf(rows: readonly Row[], of: (row: Row) => string | undefined): [string, number][] {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const value = of(row);
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].sort(([a, many], [b, others]) => others - many || (a < b ? -1 : 1));
}
