import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { OximyEvent } from "../../src/event/event.js";
import type { CallResult, ClientsLab, Seat } from "./real-clients/clients-lab.js";

/** An event as it is in the file; `via` is told by versions that have more than one way. */
export type ToldEvent = OximyEvent & { readonly metadata: { readonly via?: string } };

/** A call, and what was written of it. */
export interface Contact extends CallResult {
  readonly events: readonly ToldEvent[];
  readonly captured: boolean;
}

export interface RowReport {
  readonly seat: Seat;
  readonly contacts: readonly Contact[];
}

/** Events are written when a connection ends, which is soon after its process. */
const WAIT_MS = 20_000;
const LOOK_AGAIN_MS = 100;

/** Brings calls and events together; waits until there is one of each call, or twenty seconds. */
export async function reportOf(
  lab: ClientsLab,
  results: ReadonlyMap<string, readonly CallResult[]>,
  events: () => readonly OximyEvent[],
): Promise<readonly RowReport[]> {
  const report = () => lab.seats.map((seat) => rowOf(seat, results.get(seat.client.name) ?? [], events()));
  const deadline = Date.now() + WAIT_MS;
  let rows = report();
  while (
    rows.some(({ contacts }) => contacts.some((one) => one.events.length === 0)) &&
    Date.now() < deadline
  ) {
    await pause(LOOK_AGAIN_MS);
    rows = report();
  }
  return rows;
}

function rowOf(seat: Seat, results: readonly CallResult[], events: readonly OximyEvent[]): RowReport {
  const own = events.filter((event) => isOf(seat, event));
  const contacts = results.map((result) => {
    const during = own.filter(({ timestamp }) => {
      const at = Date.parse(timestamp);
      return at >= result.startedAt && at <= result.endedAt;
    });
    return { ...result, events: during, captured: during.some((event) => isCaptured(seat, event)) };
  });
  return { seat, contacts };
}

/** Rows have users of their own, but for the browsers, which are the calling user's. */
function isOf({ uid, client: row }: Seat, { client }: OximyEvent): boolean {
  if (client.uid !== uid) return false;
  return row.trusts !== "profile" || new RegExp(row.name.split(",")[0]!, "i").test(client.path ?? "");
}

function isCaptured({ client }: Seat, { trace_level, metadata }: OximyEvent): boolean {
  if (metadata.request_host !== client.host) return false;
  return trace_level === "full" || (client.captured === "exchange" && metadata.request_method !== undefined);
}

/** All that is told in the files of a folder of traces, in order. */
export function eventsIn(folder: string): OximyEvent[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .flatMap((file) => readFileSync(join(folder, file), "utf8").split("\n").filter(Boolean))
    .map((line) => JSON.parse(line) as OximyEvent);
}

const FOLDER = process.env.OXIMY_TABLES;

/** Prints what became of each row; with OXIMY_TABLES=FOLDER it is also kept there. */
export function printTable(title: string, rows: readonly RowReport[]): void {
  const cells = rows.map(({ seat, contacts }) => [
    seat.client.name,
    contacts.map(({ ok }) => (ok ? "ok" : "FAILED")).join(" "),
    contacts.map(({ captured }) => (captured ? "yes" : "no")).join(" "),
    contacts.map(({ events, ok }) => (events.length === 0 && ok ? "unseen" : tellingOf(events))).join(" · "),
  ]);
  const head = ["client", "calls", "captured", "why"];
  const widths = head.map((name, column) =>
    Math.max(...[name, ...cells.map((row) => row[column]!)].map((text) => text.length)),
  );
  const lines = [head, ...cells].map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
  const all = rows.flatMap(({ contacts }) => contacts);
  const count = (matches: (contact: Contact) => boolean) => `${all.filter(matches).length} of ${all.length}`;
  const total = `${count(({ ok }) => !ok)} calls failed, ${count(({ captured }) => captured)} were captured`;
  const text = [title, ...lines, total, ""].join("\n");
  console.info(text);
  if (FOLDER === undefined) return;
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${title.replace(/\W+/g, "-")}.txt`), text);
}

/** The ways and reasons of one call, each once. */
function tellingOf(events: readonly ToldEvent[]): string {
  const told = events.map(({ trace_level, metadata: { via, reason } }) =>
    [via, reason ?? trace_level].filter(Boolean).join(" "),
  );
  return [...new Set(told)].sort().join(", ");
}
