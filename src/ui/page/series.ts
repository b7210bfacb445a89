/** Tokens, cost and calls over time, by app, model or project. */

import type { Row } from "../wire.js";

export type Measure = "cost" | "input" | "output" | "calls";
export type By = "app" | "model" | "project";

export interface Series {
  /** Starts of the spans, in seconds since 1970. */
  readonly starts: readonly number[];
  /** Length of a span, in seconds. */
  readonly span: number;
  /** Largest first; the last may combine all others. */
  readonly groups: readonly {
    readonly name: string;
    readonly values: readonly number[];
    readonly total: number;
  }[];
}

const SPANS = [60, 300, 900, 3_600, 4 * 3_600, 86_400, 7 * 86_400] as const;
const MOST_SPANS = 90;
const MOST_GROUPS = 7;
export const OTHERS = "all others";
export const UNKNOWN = "unknown";

const VALUE: Record<Measure, (row: Row) => number> = {
  cost: ({ cost }) => cost ?? 0,
  input: ({ input }) => input ?? 0,
  output: ({ output }) => output ?? 0,
  calls: () => 1,
};

export function seriesOf(rows: readonly Row[], measure: Measure, by: By): Series {
  const value = VALUE[measure];
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const totals = new Map<string, number>();
  for (const row of rows) {
    if (row.at < first) first = row.at;
    if (row.at > last) last = row.at;
    const name = row[by] ?? UNKNOWN;
    totals.set(name, (totals.get(name) ?? 0) + value(row));
  }
  if (rows.length === 0) return { starts: [], span: SPANS[0], groups: [] };
  const span = SPANS.find((seconds) => (last - first) / 1_000 / seconds <= MOST_SPANS) ?? SPANS.at(-1)!;
  const begin = startOf(first, span);
  const spans = Math.floor((last / 1_000 - begin) / span) + 1;
  const names = [...totals].filter(([, total]) => total > 0).sort(([, a], [, b]) => b - a);
  const shown = names.slice(0, names.length > MOST_GROUPS + 1 ? MOST_GROUPS : names.length);
  const places = new Map(shown.map(([name], place) => [name, place]));
  const values = Array.from({ length: shown.length + (names.length > shown.length ? 1 : 0) }, () =>
    new Array<number>(spans).fill(0),
  );
  for (const row of rows) {
    const own = values[places.get(row[by] ?? UNKNOWN) ?? shown.length];
    if (own !== undefined) own[Math.floor((row.at / 1_000 - begin) / span)]! += value(row);
  }
  return {
    starts: Array.from({ length: spans }, (_, index) => begin + index * span),
    span,
    groups: values.map((own, place) => ({
      name: shown[place]?.[0] ?? OTHERS,
      values: own,
      total: own.reduce((sum, part) => sum + part, 0),
    })),
  };
}

/** Start of the span that contains a time; days begin at local midnight. */
function startOf(at: number, span: number): number {
  const shift = span >= 86_400 ? new Date(at).getTimezoneOffset() * 60 : 0;
  return Math.floor((at / 1_000 - shift) / span) * span + shift;
}
