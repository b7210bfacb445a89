/** Sends the events of a folder to a destination, from where the last run ended. */

import { setTimeout as delay } from "node:timers/promises";
import type { OximyEvent } from "../../event/event.js";
import { cutLine } from "../../traces/cut-line.js";
import { parseLine } from "../../traces/event-files.js";
import type { Destination, DestinationContext } from "./destination.js";
import { linesSince, type Position } from "./event-position.js";
import type { StateFile } from "./state-file.js";

export interface ExportOptions extends Pick<DestinationContext, "log" | "finish" | "stop"> {
  readonly folder: string;
  /** Where the capture began: earlier events were captured without this destination. */
  readonly from: Position;
  readonly state: StateFile;
  readonly destination: Destination;
}

/** Limits of one request; collectors accept up to 20 MiB by default. */
const BATCH_EVENTS = 512;
const BATCH_BYTES = 4 << 20;

/** Resolves after `finish` aborts; rejects when files cannot be read. Closes the destination. */
export async function exportEvents(options: ExportOptions): Promise<void> {
  const { from, state, finish, stop, destination } = options;
  let position: Position | undefined;
  let hasWaited = false;
  try {
    while (!stop.aborted) {
      const isLast = finish.aborted;
      if (!state.hold()) {
        position = undefined;
        hasWaited = true;
      } else {
        const sent = await sendSince(options, position ?? begin(state, from, hasWaited));
        position = sent.position;
        if (isLast && sent.isDone) state.write({ position, isDone: true });
      }
      if (isLast) return;
      await delay(destination.pollMs, undefined, { signal: finish }).catch(() => {}); // aborted: one last round
    }
  } finally {
    destination.close();
    state.release();
  }
}

/** Where the last exporter left off. If this one waited for that one's lock, also when it was done. */
function begin(state: StateFile, from: Position, hasWaited: boolean): Position {
  const saved = state.read();
  if (saved !== undefined && (hasWaited || !saved.isDone)) return saved.position;
  state.write({ position: from, isDone: false });
  return from;
}

interface Sent {
  /** End of the last event that was sent. */
  readonly position: Position;
  /** Everything written so far was accepted or rejected. */
  readonly isDone: boolean;
}

async function sendSince(options: ExportOptions, position: Position): Promise<Sent> {
  const { folder, state, destination, log, stop } = options;
  let reached = position;
  let sent = position;
  let events: OximyEvent[] = [];
  let bytes = 0;
  const send = async (): Promise<boolean> => {
    if (events.length > 0 && !(await destination.send(events))) return false;
    if (reached !== sent) state.write({ position: reached, isDone: false });
    sent = reached;
    events = [];
    bytes = 0;
    state.hold();
    return true;
  };
  for await (const { lines, position: after, gap } of linesSince(folder, position)) {
    if (gap) log("warn", "Event files were removed before their events were exported.");
    for (const line of lines) {
      const short = cutLine(line, destination.cut);
      const event = parseLine(short);
      if (event === undefined) continue;
      events.push(event);
      bytes += short.length;
    }
    reached = after;
    if (events.length < BATCH_EVENTS && bytes < BATCH_BYTES) continue;
    if (!(await send()) || stop.aborted) return { position: sent, isDone: false };
  }
  const isDone = await send();
  return { position: sent, isDone };
}
