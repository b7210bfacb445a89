/** An index of a folder's events, newest file first, kept up to date: their rows, and the position of each line. */

import { EventEmitter, once } from "node:events";
import { statSync } from "node:fs";
import { setImmediate as breath } from "node:timers/promises";
import type { TracesFile } from "../../sinks/traces-folder.js";
import { cutLine, WITHOUT_WORDS } from "../../traces/cut-line.js";
import { filesFrom, parseLine } from "../../traces/event-files.js";
import { lineStart, type PlacedLine, placedLinesOf } from "../../traces/placed-lines.js";
import { firstWords } from "../../traces/sessions.js";
import type { Row } from "../wire.js";
import { rowOf } from "./row.js";

/** The row of an event, and the position of its line in a file. */
export interface Entry {
  readonly row: Row;
  readonly file: Catalogued;
  readonly at: number;
  readonly length: number;
}

/** A file that was read, completely or in part. */
export interface Catalogued {
  /** Its current name and form: it may have been numbered or compressed. */
  file: TracesFile;
  readonly identity: string;
  /** Bytes of its plain form that were read. */
  read: number;
  /** Whether it is complete. */
  whole: boolean;
  /** In the order of the file. */
  readonly entries: Entry[];
}

/** An entry takes 1 to 2 KB in this process, a quarter of 1 KB in the page. Older files are not loaded, but counted. */
const MAX_ENTRIES = 500_000;
const BATCH = 1_000;
/** The end of a file, which is read first: the page shows it first. */
const TAIL = 1 << 20;
const POLL_MS = 250;

export class Catalogue {
  /** Newest file first. */
  readonly files: Catalogued[] = [];
  /** In the order in which they were found; replaced when earlier batches become invalid. */
  batches: Row[][] = [];
  /** Whether everything that existed at the start was read. */
  complete = false;
  /** Number of files not read, because there are too many events. */
  leftOut = 0;
  /** Paths of files that cannot be read. */
  readonly unreadable = new Set<string>();
  private readonly changes = new EventEmitter().setMaxListeners(0);
  private readonly titled = new Set<string>();
  private count = 0;
  private running: Promise<void> | undefined;
  private watchers = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    readonly folder: string,
    private readonly certificate: string,
  ) {}

  /** Resolves when batches were added or replaced, or reading is complete. */
  async changed(signal: AbortSignal): Promise<void> {
    await once(this.changes, "change", { signal });
  }

  /** While there are watchers, the folder is polled four times a second. Returns a function that stops watching. */
  watch(): () => void {
    this.watchers += 1;
    if (this.watchers === 1) this.poll();
    return () => {
      this.watchers -= 1;
      if (this.watchers === 0) clearTimeout(this.timer);
    };
  }

  private poll(): void {
    // A folder that cannot be read is retried; entries already read are kept.
    void this.refresh()
      .catch(() => {})
      .then(() => {
        if (this.watchers > 0) this.timer = setTimeout(() => this.poll(), POLL_MS).unref();
      });
  }

  /** Reads new events. Concurrent callers share one run. Rejects with read errors. */
  refresh(): Promise<void> {
    this.running ??= this.readAgain().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  /** The entry of an event, by its id. */
  find(id: string): Entry | undefined {
    for (const { entries } of this.files) {
      const found = entries.findLast(({ row }) => row.id === id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The matching entries, in the order in which they were written. */
  choose(isChosen: (row: Row) => boolean): Entry[] {
    return this.files.toReversed().flatMap(({ entries }) => entries.filter(({ row }) => isChosen(row)));
  }

  private async readAgain(): Promise<void> {
    const found = filesFrom(this.folder).reverse();
    if (this.forget(found)) this.begin();
    this.leftOut = 0;
    for (const [index, file] of found.entries()) {
      if (this.count >= MAX_ENTRIES && this.known(file) === undefined) {
        this.leftOut = found.length - index;
        break;
      }
      try {
        await this.readOn(file);
        if (file.form === "plain") this.unreadable.delete(file.path);
      } catch {
        // Another user's file, or corrupt: the others are read, and the page reports it.
        this.unreadable.add(file.path);
      }
    }
    if (!this.complete) {
      this.complete = true;
      this.changes.emit("change");
    }
  }

  /** Updates the names of known files. True when a file with published rows is gone. */
  private forget(found: readonly TracesFile[]): boolean {
    const known = new Set(found.map((file) => this.known(file)));
    return this.files.some((file) => !known.has(file));
  }

  private begin(): void {
    this.files.length = 0;
    this.batches = [];
    this.complete = false;
    this.count = 0;
    this.titled.clear();
    this.changes.emit("change");
  }

  /** A renamed file keeps its identity; a compressed one keeps its number. */
  private known(file: TracesFile): Catalogued | undefined {
    const identity = identityOf(file);
    const known =
      // The inode of a removed file may be reused.
      this.files.find((other) => other.identity === identity && other.file.date === file.date) ??
      (file.form === "compressed"
        ? this.files.find(({ file: { date, number } }) => date === file.date && number === file.number)
        : undefined);
    if (known !== undefined) known.file = file;
    return known;
  }

  private async readOn(file: TracesFile): Promise<void> {
    let known = this.known(file);
    if (known?.whole) return;
    const size = statSync(file.path, { throwIfNoEntry: false })?.size;
    if (size === undefined || (file.form === "plain" && known?.read === size)) return;
    if (known === undefined) {
      known = { file, identity: identityOf(file), read: 0, whole: false, entries: [] };
      this.files.push(known);
      this.files.sort((a, b) => order(b.file, a.file));
    }
    // A compressed file is read only once, even if it is corrupt.
    known.whole = file.form === "compressed";
    // The newest events are read first; only in a plain file can the start of a line be found.
    const isNew = known.read === 0 && file.form === "plain";
    const tail = isNew ? await lineStart(file.path, size - TAIL) : known.read;
    const before = isNew && tail > 0 ? tail : 0;
    await this.readFrom(known, tail, Number.POSITIVE_INFINITY);
    if (before > 0) {
      const later = known.entries.splice(0);
      const { read } = known;
      await this.readFrom(known, 0, before);
      known.entries.push(...later);
      known.read = read;
    }
  }

  /** Reads the lines that begin in a part of a file. */
  private async readFrom(known: Catalogued, start: number, end: number): Promise<void> {
    let batch: Row[] = [];
    reading: for await (const lines of placedLinesOf(known.file, start)) {
      for (const line of lines) {
        if (line.at >= end) break reading;
        const entry = this.entryOf(line, known);
        known.read = line.at + line.line.length + 1;
        if (entry === undefined) continue;
        known.entries.push(entry);
        batch.push(entry.row);
      }
      if (batch.length >= BATCH) {
        this.add(batch);
        batch = [];
      }
      await breath();
    }
    if (batch.length > 0) this.add(batch);
  }

  private add(batch: Row[]): void {
    this.count += batch.length;
    this.batches.push(batch);
    this.changes.emit("change");
  }

  private entryOf({ line, at }: PlacedLine, file: Catalogued): Entry | undefined {
    const event = parseLine(cutLine(line, WITHOUT_WORDS));
    if (event === undefined) return undefined;
    const bare = rowOf(event, undefined, this.certificate);
    const words = this.wordsOf(bare, line);
    const row = words === undefined ? bare : { ...bare, words };
    return { row, file, at, length: line.length };
  }

  /** The first words of a conversation, read from the line only once. */
  private wordsOf({ conversation, type, agent, turn }: Row, line: Buffer): string | undefined {
    if (type === undefined || type === "embedding" || agent !== undefined) return undefined;
    if (conversation === undefined) return firstWords(line);
    if (turn !== 1 && this.titled.has(conversation)) return undefined;
    const words = firstWords(line);
    if (words !== undefined) this.titled.add(conversation);
    return words;
  }
}

function identityOf({ path }: TracesFile): string {
  const status = statSync(path, { bigint: true, throwIfNoEntry: false });
  return status === undefined ? path : `${status.dev}/${status.ino}`;
}

function order(a: TracesFile, b: TracesFile): number {
  if (a.date !== b.date) return a.date < b.date ? -1 : 1;
  return (a.number ?? Number.POSITIVE_INFINITY) - (b.number ?? Number.POSITIVE_INFINITY) || 0;
}
