/** Reads back what the JSONL sink wrote. */

import { closeSync, createReadStream, openSync, readSync, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as delay } from "node:timers/promises";
import { OximyError } from "../errors.js";
import type { OximyEvent } from "../event/event.js";
import { isObject } from "../interaction/json.js";
import { listTracesFiles, localDate, type TracesFile } from "./traces-folder.js";

export interface EventFilter {
  /** Id or name of the app, or name of the process; without regard to case. */
  readonly app?: string;
  /** Provider, or id of the source. */
  readonly provider?: string;
  /** Events whose request began then or later. */
  readonly since?: Date;
}

export function matchesFilter(event: OximyEvent, { app, provider, since }: EventFilter): boolean {
  if (since !== undefined && Date.parse(event.timestamp) < since.getTime()) return false;
  if (app !== undefined && !isOneOf(app, [event.app?.id, event.app?.name, event.client.name])) return false;
  return provider === undefined || isOneOf(provider, [event.interaction?.provider, event.source.id]);
}

function isOneOf(wanted: string, names: ReadonlyArray<string | null | undefined>): boolean {
  return names.some((name) => name?.toLowerCase() === wanted.toLowerCase());
}

/**
 * The events of a folder that match, in the order in which they were written; none when there is no such folder.
 *
 * @throws OximyError OXIMY_E_OUTPUT_DIR when the folder or a file of it cannot be read.
 */
export async function* readEvents(folder: string, filter: EventFilter = {}): AsyncGenerator<OximyEvent> {
  for (const file of filesFrom(folder, filter.since)) {
    const lines = createInterface({
      input: createReadStream(file.path),
      crlfDelay: Number.POSITIVE_INFINITY,
    });
    try {
      for await (const line of lines) {
        const event = parseLine(line);
        if (event !== undefined && matchesFilter(event, filter)) yield event;
      }
    } catch (cause) {
      throw unreadable(file.path, cause as Error);
    }
  }
}

function unreadable(path: string, cause: Error): OximyError {
  return new OximyError(
    "OXIMY_E_OUTPUT_DIR",
    `Events cannot be read from ${path}: ${cause.message}.`,
    "Name their folder with --output-dir, and read them as the user whose they are.",
    { cause },
  );
}

const POLL_MS = 250;

/** Events that are written from now on, until `signal` aborts; goes on to the file of each new day. */
export async function* followEvents(
  folder: string,
  filter: EventFilter,
  signal: AbortSignal,
): AsyncGenerator<OximyEvent> {
  const tails = new Map(filesFrom(folder).map((file) => [file.path, new Tail(file.path, "end")]));
  while (!signal.aborted) {
    for (const { path } of filesFrom(folder, new Date())) {
      const tail = tails.get(path) ?? new Tail(path, "start");
      tails.set(path, tail);
      for (const line of tail.read()) {
        const event = parseLine(line);
        if (event !== undefined && matchesFilter(event, filter)) yield event;
      }
    }
    await delay(POLL_MS, undefined, { signal }).catch(() => {}); // aborted: the loop ends
  }
}

/** A file's day is that of writing: an exchange can begin on the day before, never after. */
function filesFrom(folder: string, since?: Date): TracesFile[] {
  const first = since === undefined ? "" : localDate(since);
  try {
    return listTracesFiles(folder).filter((file) => file.date >= first);
  } catch (error) {
    // Nothing was ever written there.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw unreadable(folder, error as Error);
  }
}

/** Undefined for the rest of a line that a crash tore, and for what is no event. */
function parseLine(line: string): OximyEvent | undefined {
  try {
    return eventOf(JSON.parse(line));
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

/** The lines that are added to a file. */
class Tail {
  readonly #path: string;
  #offset: number;
  readonly #decoder = new StringDecoder("utf8");
  #begun = "";

  constructor(path: string, from: "start" | "end") {
    this.#path = path;
    this.#offset = from === "start" ? 0 : statSync(path).size;
  }

  read(): string[] {
    let text = this.#begun;
    const fd = openSync(this.#path, "r");
    try {
      const buffer = Buffer.alloc(1 << 16);
      for (;;) {
        const length = readSync(fd, buffer, 0, buffer.length, this.#offset);
        if (length === 0) break;
        this.#offset += length;
        text += this.#decoder.write(buffer.subarray(0, length));
      }
    } finally {
      closeSync(fd);
    }
    const lines = text.split("\n");
    this.#begun = lines.pop() ?? "";
    return lines;
  }
}
