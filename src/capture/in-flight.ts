/** What was handed to the capture thread and is not read yet, told by a counter that both threads share. */

/**
 * Counts in KiB, in 32 bits that wrap: a process may run for months, and only differences are looked at.
 * The reader adds what it has read to `counter[0]`.
 */
export class InFlight {
  private sent: number;

  constructor(private readonly counter = new Int32Array(new SharedArrayBuffer(4))) {
    this.sent = Atomics.load(counter, 0);
  }

  get shared(): SharedArrayBuffer {
    return this.counter.buffer as SharedArrayBuffer;
  }

  /** A batch was handed over. */
  add(kib: number): void {
    this.sent = (this.sent + kib) | 0;
  }

  kib(): number {
    return (this.sent - this.readSoFar()) | 0;
  }

  readSoFar(): number {
    return Atomics.load(this.counter, 0);
  }

  /** Stands for all that was gathered up to now, what is not handed over yet included: it goes with the next batch. */
  mark(): number {
    return (this.sent + 1) | 0;
  }

  isRead(mark: number): boolean {
    return ((mark - this.readSoFar()) | 0) <= 0;
  }
}

/** How much of one connection is under way: never less than it is, and forgotten when the reader has caught up. */
export class ConnectionQuota {
  private older = 0;
  private newer = 0;
  private mark: number;

  constructor(private readonly inFlight: InFlight) {
    this.mark = inFlight.mark();
  }

  /** Adds bytes that were pushed, and returns what is under way with them. */
  add(bytes: number): number {
    if (this.inFlight.isRead(this.mark)) {
      // What came before the mark is read; what came since may not be.
      this.older = this.newer;
      this.newer = 0;
      this.mark = this.inFlight.mark();
    }
    this.newer += bytes;
    return this.older + this.newer;
  }
}
