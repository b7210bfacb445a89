/** A short summary by app, for the end of a feed. */

import type { OximyEvent } from "../event/event.js";
import { appNameOf, countedUsage } from "../event/facts.js";
import { isFailed } from "../event/outcome.js";
import { money } from "../sinks/feed.js";
import { printable, shortened } from "../terminal.js";

interface AppRow {
  events: number;
  failed: number;
  notRead: number;
  input: number;
  output: number;
  cost: number;
}

/** Most separate names, since a capture may run for weeks. */
const MAX_APPS = 1_000;
const SHOWN = 20;
const NAME_WIDTH = 30;

export class AppSummary {
  private readonly rows = new Map<string, AppRow>();

  get isEmpty(): boolean {
    return this.rows.size === 0;
  }

  add(event: OximyEvent): void {
    const { interaction } = event;
    const name = appNameOf(event);
    const key = this.rows.has(name) || this.rows.size < MAX_APPS ? name : "others";
    const row = this.rows.get(key) ?? { events: 0, failed: 0, notRead: 0, input: 0, output: 0, cost: 0 };
    this.rows.set(key, row);
    const usage = countedUsage(event);
    row.events += 1;
    if (isFailed(event)) row.failed += 1;
    if (interaction === undefined) row.notRead += 1;
    row.input += usage?.input_tokens ?? 0;
    row.output += usage?.output_tokens ?? 0;
    row.cost += interaction?.cost_usd ?? 0;
  }

  /** Most events first; printable. */
  lines(): string[] {
    const rows = [...this.rows].sort(([, a], [, b]) => b.events - a.events);
    const names = rows.slice(0, SHOWN).map(([name]) => shortened(printable(name), NAME_WIDTH));
    const width = Math.max(0, ...names.map((name) => [...name].length));
    const lines = rows
      .slice(0, SHOWN)
      .map(([, row], at) => `  ${names[at]!.padEnd(width)}  ${partsOf(row).join(", ")}`);
    return rows.length > SHOWN ? [...lines, `  and ${rows.length - SHOWN} more`] : lines;
  }
}

function partsOf({ events, failed, notRead, input, output, cost }: AppRow): string[] {
  return [
    `${events} ${events === 1 ? "event" : "events"}`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(notRead === 0 ? [] : [`${notRead} not read`]),
    ...(input + output === 0 ? [] : [`${input} tokens in, ${output} out`]),
    ...(cost === 0 ? [] : [`~$${money(cost)}`]),
  ];
}
