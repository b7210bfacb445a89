/** Reads the files that the JSONL sink writes. */

import type { Buffer } from "node:buffer";
import { OximyError } from "../errors.js";
import type { OximyEvent } from "../event/event.js";
import { isObject } from "../interaction/json.js";
import { listTracesFiles, localDate, type TracesFile } from "../sinks/traces-folder.js";
import { type Cut, cutLine } from "./cut-line.js";
import { type EventFilter, matchesFilter } from "./event-filter.js";
import { linesOf } from "./lines.js";

/**
 * The events of a folder that match, in the order in which they were written; none when there is no such folder.
 *
 * @throws OximyError OXIMY_E_OUTPUT_DIR when the folder or a file of it cannot be read.
 */
export async function* readEvents(
  folder: string,
  filter: EventFilter = {},
  cut?: Cut,
): AsyncGenerator<OximyEvent> {
  for await (const { event } of readEventLines(folder, filter, cut)) yield event;
}

export interface EventLine {
  readonly event: OximyEvent;
  /** As it was written, without the newline. Valid until the next iteration. */
  readonly line: Buffer;
}

/** The same with their lines. Members in `cut` are null in the event, and cost almost nothing. */
export async function* readEventLines(
  folder: string,
  filter: EventFilter = {},
  cut?: Cut,
): AsyncGenerator<EventLine> {
  for (const file of filesFrom(folder, filter.since)) {
    try {
      for await (const lines of linesOf(file)) {
        for (const line of lines) {
          const event = eventOfLine(line, filter, cut);
          if (event !== undefined) yield { event, line };
        }
      }
    } catch (cause) {
      throw unreadable(file.path, cause as Error);
    }
  }
}

/** Undefined if it is not an event or does not match. */
export function eventOfLine(line: Buffer, filter: EventFilter, cut?: Cut): OximyEvent | undefined {
  if (filter.grep?.matches(line) === false) return undefined;
  const event = parseLine(cut === undefined ? line : cutLine(line, cut));
  return event !== undefined && matchesFilter(event, filter) ? event : undefined;
}

function unreadable(path: string, cause: Error): OximyError {
  return new OximyError(
    "OXIMY_E_OUTPUT_DIR",
    `Events cannot be read from ${path}: ${cause.message}.`,
    "Name their folder with --output-dir, and read them as the user who owns them.",
    { cause },
  );
}

/** A file has the date of writing: an exchange can begin the day before, never after. */
export function filesFrom(folder: string, since?: Date): TracesFile[] {
  const first = since === undefined ? "" : localDate(since);
  try {
    return listTracesFiles(folder).filter((file) => file.date >= first);
  } catch (error) {
    // No event was ever written there.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw unreadable(folder, error as Error);
  }
}

/** Undefined for an incomplete line after a crash, and for anything but an event. */
export function parseLine(line: Buffer): OximyEvent | undefined {
  try {
    return eventOf(JSON.parse(line.toString()));
  } catch {
    return undefined;
  }
}

/** Events of the first implementation lack a client, its full ones metadata, later ones the parts of interactions. */
function eventOf(value: unknown): OximyEvent | undefined {
  if (!isObject(value) || typeof value.timestamp !== "string" || !isObject(value.source)) return undefined;
  const { timing = {}, client = {}, metadata = {}, interaction } = value;
  const isRead = isObject(interaction) && isObject(interaction.request);
  return {
    ...value,
    timing,
    client,
    interaction: isRead ? interaction : undefined,
    metadata,
  } as unknown as OximyEvent;
}
