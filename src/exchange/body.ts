import { ByteBuffer } from "./byte-buffer.js";
import type { Body, ReaderLimits } from "./exchange.js";

/**
 * Memory limit for all open exchanges of one connection. Without it a peer could open a thousand HTTP/2 streams and
 * fill each up to the limit of a body.
 */
export class MemoryBudget {
  private left: number;

  constructor(bytes: number) {
    this.left = bytes;
  }

  /** Takes all of `wanted`, or takes nothing and returns false. */
  takeAll(wanted: number): boolean {
    if (wanted > this.left) return false;
    this.left -= wanted;
    return true;
  }

  /** Takes up to `wanted` bytes and returns how many were granted. */
  take(wanted: number): number {
    const granted = Math.min(wanted, this.left);
    this.left -= granted;
    return granted;
  }

  release(bytes: number): void {
    this.left += bytes;
  }
}

/** Keeps the first and last bytes of a body, in bounded memory and linear time. */
export class BodyCollector {
  private readonly limits: ReaderLimits;
  private readonly budget: MemoryBudget;
  private readonly head = new ByteBuffer();
  private headIsFull = false;
  private ring: Buffer | undefined;
  private ringAt = 0;
  private seen = 0;
  private charged = 0;

  constructor(limits: ReaderLimits, budget: MemoryBudget) {
    this.limits = limits;
    this.budget = budget;
  }

  /** Bytes seen so far. */
  get length(): number {
    return this.seen;
  }

  append(bytes: Buffer, start: number, end: number): void {
    this.seen += end - start;
    let at = start;
    if (!this.headIsFull) {
      const wanted = Math.min(end - start, this.limits.maxBody - this.head.length);
      const granted = this.charge(wanted);
      if (granted > 0) this.head.append(bytes, at, at + granted);
      at += granted;
      this.headIsFull = at < end;
    }
    if (at < end) this.appendToTail(bytes, at, end);
  }

  /** The body so far. */
  snapshot(): Body {
    const head = this.head.view();
    if (this.seen === head.length) return { head, length: this.seen, truncated: false };
    const tail = this.tail();
    if (this.seen === head.length + tail.length) {
      return { head: Buffer.concat([head, tail]), length: this.seen, truncated: false };
    }
    return { head, tail, length: this.seen, truncated: true };
  }

  /** Returns the memory to the connection's budget. */
  release(): void {
    this.budget.release(this.charged);
    this.charged = 0;
  }

  private charge(wanted: number): number {
    const granted = this.budget.take(wanted);
    this.charged += granted;
    return granted;
  }

  private appendToTail(bytes: Buffer, start: number, end: number): void {
    this.ring ??= Buffer.allocUnsafe(this.charge(this.limits.maxTail));
    const ring = this.ring;
    if (ring.length === 0) return;
    let at = Math.max(start, end - ring.length);
    while (at < end) {
      const copied = bytes.copy(ring, this.ringAt, at, end);
      at += copied;
      this.ringAt = (this.ringAt + copied) % ring.length;
    }
  }

  private tail(): Buffer {
    const ring = this.ring!;
    const seen = this.seen - this.head.length;
    // A chunk longer than the ring can be written at any position, so only a ring that never wrapped starts at 0.
    if (seen <= ring.length) return Buffer.from(ring.subarray(0, seen));
    return Buffer.concat([ring.subarray(this.ringAt), ring.subarray(0, this.ringAt)]);
  }
}
