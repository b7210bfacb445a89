/** The JSONL sink: one event per line, one file per local day. */

import { Buffer } from "node:buffer";
import { closeSync, fstatSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { OximyError } from "../errors.js";
import type { OximyEvent } from "../event/event.js";
import { type DayFile, type FileGroup, isStillThere, makeFolder, openDay } from "./day-file.js";
import { eventLine } from "./event-line.js";
import { numberFile } from "./numbered-file.js";
import { removeBeyondSize, removeOldTraces } from "./retention.js";
import type { Sink, SinkLog, SinkStats } from "./sink.js";
import { localDate } from "./traces-folder.js";

export interface JsonlSinkOptions {
  readonly folder: string;
  /** Days of files to keep, today included; all when absent. */
  readonly keepDays?: number;
  /** Total bytes of all files; beyond that the oldest are removed. */
  readonly keepBytes?: number;
  /** Size at which a file is closed and the next one begun. */
  readonly fileBytes?: number;
  /** Group of files and folders made here: that of the process only marks it for the redirect. */
  readonly group?: FileGroup;
  readonly log?: SinkLog;
  /** Most bytes of lines that are queued while the disk is full. */
  readonly maxQueueBytes?: number;
  readonly retryMs?: number;
  readonly now?: () => Date;
}

const DEFAULT_QUEUE_BYTES = 32 << 20;
const DEFAULT_RETRY_MS = 1000;
const DEFAULT_FILE_BYTES = 64 << 20;
/** With a small `keepBytes` the files are small as well, so that removing the oldest does not remove everything. */
const FILES_KEPT = 4;
/** Buffer size for the lines of one write. */
const ROOM = 1 << 20;
/** UTF-8 needs at most three bytes for a UTF-16 code unit. */
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

/** Whole lines for one write. */
interface Pack {
  readonly bytes: Buffer;
  readonly lines: number;
}

/**
 * Lines are written immediately and whole: one write(2) with O_APPEND per line, or per turn of the event loop while
 * corked, so that several processes can share a file and a crash tears at most the last line. What cannot be
 * written is queued in memory, in order.
 */
class JsonlSink implements Sink {
  private readonly options: JsonlSinkOptions;
  private readonly now: () => Date;
  private file: DayFile | undefined;
  private readonly queue: Pack[] = [];
  private queuedBytes = 0;
  /** Lines that are not in the queue yet; the buffer is reused. */
  private room: Buffer | undefined;
  private roomBytes = 0;
  private roomLines = 0;
  private corked = false;
  /** How far the first pack of the queue was written, after a partial write. */
  private begun: { readonly file: DayFile; readonly offset: number } | undefined;
  private written = 0;
  private lost = 0;
  private failing = false;
  private closed = false;
  private retry: NodeJS.Timeout | undefined;
  private midnight: NodeJS.Timeout | undefined;

  constructor(options: JsonlSinkOptions) {
    this.options = { ...options, folder: resolve(options.folder) };
    this.now = options.now ?? (() => new Date());
  }

  open(): void {
    this.fileOfToday();
    this.armMidnight();
  }

  write(event: OximyEvent): void {
    if (this.closed) {
      this.lost += 1;
      return;
    }
    try {
      this.gather(eventLine(event));
    } catch (error) {
      // Longer than the longest string: a retry would not help.
      this.lost += 1;
      this.options.log?.("warn", `An event could not be written as JSON and is lost: ${messageOf(error)}`);
      return;
    }
    if (!this.corked) this.emptyRoom();
  }

  cork(): void {
    this.corked = true;
  }

  uncork(): void {
    this.corked = false;
    this.emptyRoom();
  }

  private gather(line: string): void {
    const mostBytes = line.length * MAX_BYTES_PER_UNIT;
    if (this.roomBytes + mostBytes > ROOM) this.emptyRoom();
    if (mostBytes > ROOM) {
      this.add({ bytes: Buffer.from(line), lines: 1 });
      return;
    }
    this.room ??= Buffer.allocUnsafeSlow(ROOM);
    this.roomBytes += this.room.write(line, this.roomBytes);
    this.roomLines += 1;
  }

  private emptyRoom(): void {
    if (this.room === undefined || this.roomLines === 0) return;
    const pack = { bytes: this.room.subarray(0, this.roomBytes), lines: this.roomLines };
    this.roomBytes = 0;
    this.roomLines = 0;
    this.add(pack);
    // The buffer is reused for the next lines, so a pack that stays in the queue is copied.
    if (this.queue.at(-1) === pack) this.queue.splice(-1, 1, { ...pack, bytes: Buffer.from(pack.bytes) });
  }

  private add(pack: Pack): void {
    if (this.queue.length > 0 && this.queuedBytes + pack.bytes.length > this.maxQueueBytes) {
      this.lost += pack.lines;
      return;
    }
    this.queue.push(pack);
    this.queuedBytes += pack.bytes.length;
    // While writing fails, only the timer retries, not each event.
    if (this.retry === undefined) this.drain();
  }

  async flush(): Promise<void> {
    if (this.closed) return;
    this.emptyRoom();
    this.drain();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    await this.flush();
    this.closed = true;
    clearTimeout(this.retry);
    clearTimeout(this.midnight);
    this.lost += this.queuedLines();
    this.queue.length = 0;
    this.queuedBytes = 0;
    this.closeFile();
  }

  stats(): SinkStats {
    return { written: this.written, queued: this.queuedLines(), lost: this.lost };
  }

  private get maxQueueBytes(): number {
    return this.options.maxQueueBytes ?? DEFAULT_QUEUE_BYTES;
  }

  private queuedLines(): number {
    return this.queue.reduce((sum, { lines }) => sum + lines, this.roomLines);
  }

  private drain(): void {
    let done = 0;
    try {
      for (const pack of this.queue) {
        this.writePack(pack.bytes);
        this.queuedBytes -= pack.bytes.length;
        this.written += pack.lines;
        done += 1;
      }
      this.recovered();
    } catch (error) {
      this.failed(error);
    } finally {
      this.queue.splice(0, done);
    }
  }

  private writePack(bytes: Buffer): void {
    const begun = this.begun !== undefined && isStillThere(this.begun.file) ? this.begun : undefined;
    const file = begun?.file ?? this.fileOfToday();
    let offset = begun?.offset ?? 0;
    while (offset < bytes.length) {
      // A disk that fills up writes a part; the next attempt writes the rest, or fails with the reason.
      offset += writeSync(file.fd, bytes, offset);
      this.begun = { file, offset };
    }
    this.begun = undefined;
    if (fstatSync(file.fd).size >= this.fileBytes) this.closeFull(file.date);
  }

  private get fileBytes(): number {
    const { fileBytes = DEFAULT_FILE_BYTES, keepBytes = Number.POSITIVE_INFINITY } = this.options;
    return Math.min(fileBytes, keepBytes / FILES_KEPT);
  }

  /** The lines are written already; a failure here is retried after the next write. */
  private closeFull(date: string): void {
    const { folder, keepBytes } = this.options;
    this.closeFile();
    try {
      numberFile(folder, date);
      if (keepBytes !== undefined) removeBeyondSize(folder, keepBytes, this.now());
    } catch (error) {
      this.options.log?.("warn", `A full event file could not be closed: ${messageOf(error)}`);
    }
  }

  private failed(error: unknown): void {
    if (!this.failing) {
      this.failing = true;
      this.options.log?.(
        "warn",
        `Events cannot be written to ${this.options.folder} and wait in memory: ${messageOf(error)}`,
      );
    }
    this.retry ??= setTimeout(() => {
      this.retry = undefined;
      if (this.queue.length > 0) this.drain();
    }, this.options.retryMs ?? DEFAULT_RETRY_MS).unref();
  }

  private recovered(): void {
    if (!this.failing) return;
    this.failing = false;
    const lost = this.lost === 0 ? "none was lost" : `${this.lost} were lost`;
    this.options.log?.("info", `Events are written to ${this.options.folder} again; ${lost}.`);
  }

  private fileOfToday(): DayFile {
    const time = this.now();
    const date = localDate(time);
    if (this.file !== undefined && this.file.date === date && isStillThere(this.file)) return this.file;
    this.closeFile();
    makeFolder(this.options.folder, this.options.group);
    this.file = openDay(this.options.folder, date, this.options.group);
    if (this.options.keepDays !== undefined) this.removeOld(this.options.keepDays, time);
    return this.file;
  }

  private closeFile(): void {
    if (this.file !== undefined) closeSync(this.file.fd);
    this.file = undefined;
  }

  private removeOld(keepDays: number, time: Date): void {
    try {
      removeOldTraces(this.options.folder, keepDays, time);
    } catch (error) {
      this.options.log?.("warn", `Old event files could not be removed: ${messageOf(error)}`);
    }
  }

  /** An idle process closes yesterday's file, and removes files that are too old, without waiting for an event. */
  private armMidnight(): void {
    const time = this.now();
    const next = new Date(time.getFullYear(), time.getMonth(), time.getDate() + 1);
    this.midnight = setTimeout(() => {
      if (this.queue.length === 0) this.rotate();
      this.armMidnight();
    }, next.getTime() - time.getTime()).unref();
  }

  private rotate(): void {
    try {
      this.fileOfToday();
    } catch (error) {
      this.failed(error);
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
