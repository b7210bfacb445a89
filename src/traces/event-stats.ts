/** Totals over events, grouped by dimensions. */

import type { OximyEvent } from "../event/event.js";
import { appNameOf, askedOf, countedUsage } from "../event/facts.js";
import { isFailed } from "../event/outcome.js";
import { localDate } from "../sinks/traces-folder.js";
import { Quantiles } from "./quantiles.js";

/** What events can be grouped by. */
export const DIMENSIONS = ["app", "model", "day", "project", "user"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

const KEY_OF: Readonly<Record<Dimension, (event: OximyEvent) => string>> = {
  app: appNameOf,
  model: askedOf,
  day: ({ timestamp }) => localDate(new Date(timestamp)),
  project: ({ client }) => client.repo?.root ?? client.cwd ?? "unknown",
  user: ({ client }) => client.user ?? (client.uid === undefined ? "unknown" : String(client.uid)),
};

/** A p50 or p95 is off by 1% at most. */
export interface StatsRow {
  /** The keys of the row, in the order of the requested dimensions. */
  readonly keys: readonly string[];
  events: number;
  /** Events that were read. */
  calls: number;
  /** Events whose response was an error, or that did not end. */
  failed: number;
  input_tokens: number;
  /** Part of the input: read from the provider's cache. */
  cache_read_tokens: number;
  /** Part of the input: written to the cache. */
  cache_creation_tokens: number;
  output_tokens: number;
  cost_usd: number;
  duration_p50_ms: number | null;
  duration_p95_ms: number | null;
  ttfb_p50_ms: number | null;
  ttfb_p95_ms: number | null;
}

/** Most rows of a table; further ones are summed in one row, to bound memory. */
export const MAX_ROWS = 10_000;
const OTHERS = "(others)";

export interface StatsTable {
  readonly by: readonly Dimension[];
  /** By day: oldest first; else: most events first. */
  readonly rows: readonly StatsRow[];
}

export interface EventStats {
  readonly total: StatsRow;
  /** One for each requested list of dimensions. */
  readonly tables: readonly StatsTable[];
}

/** Reads the events once, for all tables together. */
export async function summarise(
  events: AsyncIterable<OximyEvent> | Iterable<OximyEvent>,
  tables: ReadonlyArray<readonly Dimension[]> = [["app"], ["model"], ["day"]],
): Promise<EventStats> {
  const total = new Sums(["total"]);
  const groups = tables.map((by) => ({ by, sums: new Map<string, Sums>() }));
  for await (const event of events) {
    total.add(event);
    for (const { by, sums } of groups) sumsOf(sums, by, event).add(event);
  }
  return {
    total: total.row(),
    tables: groups.map(({ by, sums }) => ({ by, rows: ordered([...sums.values()], by) })),
  };
}

function sumsOf(sums: Map<string, Sums>, by: readonly Dimension[], event: OximyEvent): Sums {
  const keys = by.map((dimension) => KEY_OF[dimension](event));
  const key = keys.join("\0");
  const known = sums.get(key);
  if (known !== undefined) return known;
  if (sums.size < MAX_ROWS) return added(sums, key, keys);
  return (
    sums.get(OTHERS) ??
    added(
      sums,
      OTHERS,
      by.map(() => OTHERS),
    )
  );
}

function added(sums: Map<string, Sums>, key: string, keys: readonly string[]): Sums {
  const made = new Sums(keys);
  sums.set(key, made);
  return made;
}

function ordered(sums: readonly Sums[], by: readonly Dimension[]): StatsRow[] {
  const rows = sums.map((each) => each.row());
  const byKeys = (a: StatsRow, b: StatsRow) => (a.keys.join("\0") < b.keys.join("\0") ? -1 : 1);
  if (by[0] === "day") return rows.sort(byKeys);
  return rows.sort((a, b) => b.events - a.events || byKeys(a, b));
}

/** Accumulates a row. */
class Sums {
  private readonly durations = new Quantiles();
  private readonly firstBytes = new Quantiles();
  private events = 0;
  private calls = 0;
  private failed = 0;
  private input = 0;
  private cacheRead = 0;
  private cacheCreation = 0;
  private output = 0;
  private cost = 0;

  constructor(readonly keys: readonly string[]) {}

  add(event: OximyEvent): void {
    const { interaction, timing } = event;
    const usage = countedUsage(event);
    this.events += 1;
    if (interaction !== undefined) this.calls += 1;
    if (isFailed(event)) this.failed += 1;
    this.input += usage?.input_tokens ?? 0;
    this.cacheRead += usage?.cache_read_tokens ?? 0;
    this.cacheCreation += usage?.cache_creation_tokens ?? 0;
    this.output += usage?.output_tokens ?? 0;
    this.cost += interaction?.cost_usd ?? 0;
    // The duration of a connection that was passed through is unrelated to calls.
    if (interaction === undefined) return;
    this.durations.add(timing.duration_ms ?? Number.NaN);
    this.firstBytes.add(timing.ttfb_ms ?? Number.NaN);
  }

  row(): StatsRow {
    return {
      keys: this.keys,
      events: this.events,
      calls: this.calls,
      failed: this.failed,
      input_tokens: this.input,
      cache_read_tokens: this.cacheRead,
      cache_creation_tokens: this.cacheCreation,
      output_tokens: this.output,
      cost_usd: this.cost,
      duration_p50_ms: rounded(this.durations.at(0.5)),
      duration_p95_ms: rounded(this.durations.at(0.95)),
      ttfb_p50_ms: rounded(this.firstBytes.at(0.5)),
      ttfb_p95_ms: rounded(this.firstBytes.at(0.95)),
    };
  }
}

const rounded = (value: number | null): number | null => (value === null ? null : Math.round(value));
