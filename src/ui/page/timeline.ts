/** Groups rows into the items of the timeline: conversations, and calls outside of any. */

import type { Row } from "../wire.js";

export interface Item {
  /** The event to open: the first of a conversation. */
  readonly id: string;
  /** All rows, in the order in which they were written. */
  readonly rows: readonly Row[];
  /** Start of its last call. */
  readonly at: number;
  /** Whether it is the first of its day in the list. */
  readonly isFirstOfDay: boolean;
}

export interface Sums {
  readonly models: readonly string[];
  readonly input: number;
  readonly output: number;
  readonly cost: number;
  readonly failed: number;
  readonly agents: number;
  readonly words: string;
}

/** Newest first. With `calls`, each call is an item. */
export function itemsOf(rows: readonly Row[], by: "conversations" | "calls"): Item[] {
  const items = (by === "calls" ? rows.map((row) => [row]) : gathered(rows)).map(
    (own): Omit<Item, "isFirstOfDay"> => {
      let [at, first] = [0, own[0]!];
      for (const row of own) {
        if (row.at > at) at = row.at;
        if (row.at < first.at) first = row;
      }
      return { id: first.id, rows: own, at };
    },
  );
  let midnight = Number.POSITIVE_INFINITY;
  return items
    .sort((a, b) => b.at - a.at)
    .map(({ id, rows, at }) => {
      const isFirstOfDay = at < midnight;
      if (isFirstOfDay) midnight = new Date(at).setHours(0, 0, 0, 0);
      return { id, rows, at, isFirstOfDay };
    });
}

/** The calls of each conversation, and each call outside of any. */
function gathered(rows: readonly Row[]): Row[][] {
  const conversations = new Map<string, Row[]>();
  const all: Row[][] = [];
  for (const row of rows) {
    const others = row.conversation === undefined ? undefined : conversations.get(row.conversation);
    if (others !== undefined) {
      others.push(row);
      continue;
    }
    const own = [row];
    all.push(own);
    if (row.conversation !== undefined) conversations.set(row.conversation, own);
  }
  return all;
}

export function sumsOf({ rows, id }: Item): Sums {
  const models = new Set<string>();
  const agents = new Set<string>();
  let [input, output, cost, failed] = [0, 0, 0, 0];
  for (const row of rows) {
    if (row.model !== undefined) models.add(row.model);
    if (row.agent !== undefined) agents.add(row.agent);
    input += row.input ?? 0;
    output += row.output ?? 0;
    cost += row.cost ?? 0;
    if (row.failed) failed += 1;
  }
  const first = rows.find((row) => row.id === id);
  // The row of its first call has the words; if that row is gone, another one may.
  const words = first?.words ?? rows.find((row) => row.words !== undefined)?.words;
  return {
    models: [...models],
    input,
    output,
    cost,
    failed,
    agents: agents.size,
    words: words ?? `${first?.host ?? ""}${first?.path ?? ""}`,
  };
}
