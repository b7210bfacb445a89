/** Sums over events: by app, model and local day. */

import type { OximyEvent } from "../event/event.js";
import { localDate } from "../sinks/traces-folder.js";

export interface StatsRow {
  readonly key: string;
  events: number;
  /** Events whose response was an error, or that did not end. */
  failed: number;
  input_tokens: number;
  output_tokens: number;
  cost_usd: number;
}

export interface EventStats {
  readonly total: StatsRow;
  /** Most events first. */
  readonly byApp: readonly StatsRow[];
  readonly byModel: readonly StatsRow[];
  /** Oldest first. */
  readonly byDay: readonly StatsRow[];
}

export async function summarise(
  events: AsyncIterable<OximyEvent> | Iterable<OximyEvent>,
): Promise<EventStats> {
  const total = emptyRow("total");
  const byApp = new Map<string, StatsRow>();
  const byModel = new Map<string, StatsRow>();
  const byDay = new Map<string, StatsRow>();
  for await (const event of events) {
    add(total, event);
    add(rowOf(byApp, event.app?.name ?? event.client.name ?? "unknown"), event);
    add(rowOf(byModel, modelOf(event)), event);
    add(rowOf(byDay, localDate(new Date(event.timestamp))), event);
  }
  const mostFirst = (a: StatsRow, b: StatsRow) => b.events - a.events || (a.key < b.key ? -1 : 1);
  return {
    total,
    byApp: [...byApp.values()].sort(mostFirst),
    byModel: [...byModel.values()].sort(mostFirst),
    byDay: [...byDay.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
  };
}

function modelOf({ source, interaction }: OximyEvent): string {
  return interaction?.model == null ? source.id : `${source.id}/${interaction.model}`;
}

function rowOf(rows: Map<string, StatsRow>, key: string): StatsRow {
  const row = rows.get(key) ?? emptyRow(key);
  rows.set(key, row);
  return row;
}

function emptyRow(key: string): StatsRow {
  return { key, events: 0, failed: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 };
}

function add(row: StatsRow, { interaction, metadata }: OximyEvent): void {
  // Counting tokens is no use of a model; the call that follows counts them again.
  const usage = interaction?.type === "token_count" ? undefined : interaction?.response?.usage;
  row.events += 1;
  if (metadata.error !== undefined || (metadata.response_status ?? 0) >= 400) row.failed += 1;
  row.input_tokens += usage?.input_tokens ?? 0;
  row.output_tokens += usage?.output_tokens ?? 0;
  row.cost_usd += interaction?.cost_usd ?? 0;
}
