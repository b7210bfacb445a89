import { ProtocolError } from "./failure.js";
import { RecordSplitter } from "./record-splitter.js";
import type { KeptRecord, Stage } from "./stage.js";

/** Cost of a kept record in addition to its bytes. */
const OVERHEAD = 128;

export interface Budget {
  /** Bytes that may still be kept, for both directions together. */
  left: number;
}

/** Position and time of the record being read. */
export interface Moment {
  time: number;
  order: number;
}

/** One direction: passes its records to the current stage, and keeps those that wait for a secret or for the peer. */
export class DirectionReader {
  readonly splitter = new RecordSplitter();
  /** Of the record whose content is passed to the sink. */
  readonly at: Moment = { time: 0, order: 0 };
  stage: Stage;
  /** Order of the first record that was read with the stage open. */
  openedAt: number | undefined;
  private kept: KeptRecord[] = [];
  /** Entries of `kept` before this index have been read. */
  private start = 0;
  private isWaiting = false;

  constructor(
    stage: Stage,
    private readonly budget: Budget,
  ) {
    this.stage = stage;
  }

  get isEmpty(): boolean {
    return this.start === this.kept.length;
  }

  get waitsForSecret(): boolean {
    return this.isWaiting && !this.isEmpty;
  }

  /** Order of the first waiting record after `order`; Infinity when there is none. */
  firstWaitingAfter(order: number): number {
    if (this.isEmpty || this.kept.at(-1)!.order <= order) return Number.POSITIVE_INFINITY;
    for (let at = this.start; at < this.kept.length; at++) {
      if (this.kept[at]!.order > order) return this.kept[at]!.order;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** `record` is valid during the call only. */
  push(record: Buffer, time: number, order: number): void {
    if (this.isEmpty && this.read(record, time, order)) return;
    this.budget.left -= record.length + OVERHEAD;
    if (this.budget.left < 0) throw new ProtocolError("too_much_ciphertext");
    this.kept.push({ record: Buffer.from(record), time, order, triedBelow: 0 });
    this.advance();
  }

  /** Reads as many of the waiting records as possible. */
  advance(): void {
    while (!this.isEmpty) {
      const { record, time, order } = this.kept[this.start]!;
      if (this.read(record, time, order)) {
        this.drop(this.start + 1);
        continue;
      }
      const found = this.isWaiting ? this.stage.search(this.kept, this.start) : undefined;
      if (found === undefined) return;
      this.drop(found);
    }
  }

  clear(): void {
    this.stage.wipe();
    this.splitter.clear();
    this.kept = [];
    this.start = 0;
  }

  private read(record: Buffer, time: number, order: number): boolean {
    this.at.time = time;
    this.at.order = order;
    const step = this.stage.read(record);
    this.isWaiting = step === "waits_for_secret";
    if (step !== "read") return false;
    if (this.openedAt === undefined && this.stage.isOpen) this.openedAt = order;
    return true;
  }

  /** Discards the records before `end`. */
  private drop(end: number): void {
    // The receiver of the data has closed the reader.
    if (this.kept.length < end) return;
    for (let at = this.start; at < end; at++) this.budget.left += this.kept[at]!.record.length + OVERHEAD;
    this.start = end;
    if (this.start < this.kept.length / 2 && this.start < this.kept.length) return;
    this.kept = this.kept.slice(this.start);
    this.start = 0;
  }
}
