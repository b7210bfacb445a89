/** The JSONL sink: one event per line, one file per local day. */

import { Buffer } from "node:buffer";
import {
  chownSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { OximyError } from "../errors.js";
import type { OximyEvent } from "../event/event.js";
import { eventLine } from "./event-line.js";
import type { Sink, SinkLog, SinkStats } from "./sink.js";
import { localDate, removeOldTraces, tracesFileName } from "./traces-folder.js";

export interface JsonlSinkOptions {
  readonly folder: string;
  /** Days of files that are kept, today included; all when absent. */
  readonly keepDays?: number;
  /** Group that files and folders made here are given: ours is only a mark for the redirect. */
  readonly group?: { readonly gid: number };
  readonly log?: SinkLog;
  /** Bytes of lines that may wait for room on the disk. */
  readonly maxQueueBytes?: number;
  readonly retryMs?: number;
  readonly now?: () => Date;
}

const DEFAULT_QUEUE_BYTES = 32 << 20;
const DEFAULT_RETRY_MS = 1000;
const NEWLINE = 0x0a;
/** Room for the bytes of one line. */
const ROOM = 1 << 20;
/** UTF-8 takes at most three bytes for a code unit. */
const MAX_BYTES_PER_UNIT = 3;

/**
 * Makes the folder (0700) and opens today's file (0600).
 * @throws OximyError OXIMY_E_OUTPUT_DIR when events cannot be written there.
 */
export function openJsonlSink(options: JsonlSinkOptions): Sink {
  const sink = new JsonlSink(options);
  try {
    sink.open();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OximyError(
      "OXIMY_E_OUTPUT_DIR",
      `Cannot write events to ${options.folder}: ${why}`,
      "Give a folder that you can write to with --output-dir, or correct the permissions of this one.",
      { cause },
    );
  }
  return sink;
}

/** The open file of a day. `inode` and `device` tell whether the path still leads to it. */
interface OpenFile {
  readonly fd: number;
  readonly date: string;
  readonly path: string;
  readonly inode: number;
  readonly device: number;
}

/**
 * Lines are written at once and whole: one write(2) with O_APPEND each, so that several processes can share a
 * file and a crash tears at most the last line. What cannot be written waits in memory, in order.
 */
class JsonlSink implements Sink {
  readonly #options: JsonlSinkOptions;
  readonly #now: () => Date;
  #file: OpenFile | undefined;
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #room: Buffer | undefined;
  /** How far the first line of the queue was written, when the disk took only its beginning. */
  #begun: { readonly file: OpenFile; readonly offset: number } | undefined;
  #written = 0;
  #lost = 0;
  #failing = false;
  #closed = false;
  #retry: NodeJS.Timeout | undefined;
  #midnight: NodeJS.Timeout | undefined;

  constructor(options: JsonlSinkOptions) {
    this.#options = { ...options, folder: resolve(options.folder) };
    this.#now = options.now ?? (() => new Date());
  }

  open(): void {
    this.#fileOfToday();
    this.#armMidnight();
  }

  write(event: OximyEvent): void {
    if (this.#closed) {
      this.#lost += 1;
      return;
    }
    let line: Buffer;
    try {
      line = this.#encode(eventLine(event));
    } catch (error) {
      // Longer than a string can be: it will not get shorter.
      this.#lost += 1;
      this.#options.log?.("warn", `An event could not be written as JSON and is lost: ${messageOf(error)}`);
      return;
    }
    if (this.#queue.length > 0 && this.#queuedBytes + line.length > this.#maxQueueBytes) {
      this.#lost += 1;
      return;
    }
    this.#queue.push(line);
    this.#queuedBytes += line.length;
    // While there is no room, the timer tries again: not each event.
    if (this.#retry === undefined) this.#drain();
    // The room is used again by the next line: one that has to wait takes a copy.
    if (this.#queue.at(-1) === line) this.#queue[this.#queue.length - 1] = Buffer.from(line);
  }

  /** In a room that is used again and again, unless the line is very long. */
  #encode(line: string): Buffer {
    if (line.length * MAX_BYTES_PER_UNIT > ROOM) return Buffer.from(line);
    this.#room ??= Buffer.allocUnsafeSlow(ROOM);
    return this.#room.subarray(0, this.#room.write(line));
  }

  async flush(): Promise<void> {
    if (!this.#closed) this.#drain();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#drain();
    this.#closed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#midnight);
    this.#lost += this.#queue.length;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#closeFile();
  }

  stats(): SinkStats {
    return { written: this.#written, queued: this.#queue.length, lost: this.#lost };
  }

  get #maxQueueBytes(): number {
    return this.#options.maxQueueBytes ?? DEFAULT_QUEUE_BYTES;
  }

  #drain(): void {
    let done = 0;
    try {
      for (const line of this.#queue) {
        this.#writeLine(line);
        this.#queuedBytes -= line.length;
        done += 1;
      }
      this.#recovered();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#queue.splice(0, done);
      this.#written += done;
    }
  }

  #writeLine(line: Buffer): void {
    const begun = this.#begun !== undefined && isStillThere(this.#begun.file) ? this.#begun : undefined;
    const file = begun?.file ?? this.#fileOfToday();
    let offset = begun?.offset ?? 0;
    while (offset < line.length) {
      // A disk that fills up takes a part; the next attempt takes the rest, or says why not.
      offset += writeSync(file.fd, line, offset);
      this.#begun = { file, offset };
    }
    this.#begun = undefined;
  }

  #failed(error: unknown): void {
    if (!this.#failing) {
      this.#failing = true;
      this.#options.log?.(
        "warn",
        `Events cannot be written to ${this.#options.folder} and wait in memory: ${messageOf(error)}`,
      );
    }
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      if (this.#queue.length > 0) this.#drain();
    }, this.#options.retryMs ?? DEFAULT_RETRY_MS).unref();
  }

  #recovered(): void {
    if (!this.#failing) return;
    this.#failing = false;
    const lost = this.#lost === 0 ? "none was lost" : `${this.#lost} were lost`;
    this.#options.log?.("info", `Events are written to ${this.#options.folder} again; ${lost}.`);
  }

  #fileOfToday(): OpenFile {
    const time = this.#now();
    const date = localDate(time);
    if (this.#file !== undefined && this.#file.date === date && isStillThere(this.#file)) return this.#file;
    this.#closeFile();
    makeFolder(this.#options.folder, this.#options.group);
    this.#file = openDay(this.#options.folder, date, this.#options.group);
    if (this.#options.keepDays !== undefined) this.#removeOld(this.#options.keepDays, time);
    return this.#file;
  }

  #closeFile(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  #removeOld(keepDays: number, time: Date): void {
    try {
      removeOldTraces(this.#options.folder, keepDays, time);
    } catch (error) {
      this.#options.log?.("warn", `Old event files could not be removed: ${messageOf(error)}`);
    }
  }

  /** An idle process lets go of yesterday's file, and removes what is too old, without waiting for an event. */
  #armMidnight(): void {
    const time = this.#now();
    const next = new Date(time.getFullYear(), time.getMonth(), time.getDate() + 1);
    this.#midnight = setTimeout(() => {
      if (this.#queue.length === 0) this.#rotate();
      this.#armMidnight();
    }, next.getTime() - time.getTime()).unref();
  }

  #rotate(): void {
    try {
      this.#fileOfToday();
    } catch (error) {
      this.#failed(error);
    }
  }
}

function openDay(folder: string, date: string, group: JsonlSinkOptions["group"]): OpenFile {
  const path = join(folder, tracesFileName(date));
  const fd = openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
  try {
    const { ino, dev, size, mode, uid } = fstatSync(fd);
    if ((mode & 0o077) !== 0 && uid === process.geteuid?.()) fchmodSync(fd, 0o600);
    if (size === 0 && group !== undefined) giveToGroup(() => fchownSync(fd, uid, group.gid));
    closeTornLine(fd, size);
    return { fd, date, path, inode: ino, device: dev };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A crash in the middle of a write leaves a line without its end: the next event gets a line of its own. */
function closeTornLine(fd: number, size: number): void {
  if (size === 0) return;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  if (last[0] !== NEWLINE) writeSync(fd, "\n");
}

/** False when the file was removed or renamed: what is written to the descriptor would go nowhere. */
function isStillThere(file: OpenFile): boolean {
  const now = statSync(file.path, { throwIfNoEntry: false });
  return now !== undefined && now.ino === file.inode && now.dev === file.device;
}

/** Makes the folder and its missing parents, 0700. */
function makeFolder(folder: string, group: JsonlSinkOptions["group"]): void {
  if (existsSync(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent, group);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (group !== undefined) giveToGroup(() => chownSync(folder, statSync(folder).uid, group.gid));
}

/** Only the owner can read what is made here, so a group that we may not give it to is no reason to stop. */
function giveToGroup(change: () => void): void {
  try {
    change();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
