/** Events as they are written. */

import { Buffer } from "node:buffer";
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { OximyEvent } from "../event/event.js";
import type { TracesFile } from "../sinks/traces-folder.js";
import { eventOfLine, filesFrom } from "./event-files.js";
import type { EventFilter } from "./event-filter.js";
import { LineSplitter } from "./lines.js";

const POLL_MS = 250;
const CHUNK = 64 << 10;

/** Events that are written from now on, until `signal` aborts; goes on to the file of each new day. */
export async function* followEvents(
  folder: string,
  filter: EventFilter,
  signal: AbortSignal,
): AsyncGenerator<OximyEvent> {
  // Keyed by inode, not by name: a full file is renamed, and a new file takes its name.
  const tails = new Map<string, Tail>();
  for (const { path } of plainFiles(filesFrom(folder))) {
    const status = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (status !== undefined) tails.set(identityOf(status), new Tail(Number(status.size)));
  }
  while (!signal.aborted) {
    const seen = new Set<string>();
    for (const { path } of plainFiles(filesFrom(folder, new Date()))) {
      for (const line of added(path, tails, seen)) {
        const event = eventOfLine(line, filter);
        if (event !== undefined) yield event;
      }
    }
    // The inode of a removed file may be reused.
    for (const identity of tails.keys()) if (!seen.has(identity)) tails.delete(identity);
    await delay(POLL_MS, undefined, { signal }).catch(() => {}); // aborted: the loop ends
  }
}

const plainFiles = (files: readonly TracesFile[]) => files.filter(({ form }) => form === "plain");

const identityOf = ({ dev, ino }: { dev: bigint; ino: bigint }) => `${dev}/${ino}`;

/** The lines added to a file since the last call. */
function* added(path: string, tails: Map<string, Tail>, seen: Set<string>): Generator<Buffer> {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    // It was numbered or compressed since the folder was listed, and is read under its new name.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  try {
    const status = fstatSync(fd, { bigint: true });
    const identity = identityOf(status);
    const known = tails.get(identity);
    const tail = known !== undefined && known.offset <= status.size ? known : new Tail(0);
    tails.set(identity, tail);
    seen.add(identity);
    yield* tail.read(fd);
  } finally {
    closeSync(fd);
  }
}

class Tail {
  private readonly splitter = new LineSplitter();

  constructor(public offset: number) {}

  *read(fd: number): Generator<Buffer> {
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const length = readSync(fd, chunk, 0, chunk.length, this.offset);
      if (length === 0) return;
      this.offset += length;
      yield* this.splitter.push(chunk.subarray(0, length));
    }
  }
}
