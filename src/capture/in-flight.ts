/** How much the capture thread was given and has not read yet, by a counter that both threads share. */

/**
 * Counts in KiB, in 32 bits that wrap around: a process may run for months, and only differences are used.
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

  /** Counts a batch that was handed over. */
  add(kib: number): void {
    this.sent = (this.sent + kib) | 0;
  }

  kib(): number {
    return (this.sent - this.readSoFar()) | 0;
  }

  readSoFar(): number {
    return Atomics.load(this.counter, 0);
  }

  /** A position after everything pushed so far, including what goes with the next batch. */
  mark(): number {
    return (this.sent + 1) | 0;
  }

  isRead(mark: number): boolean {
    return ((mark - this.readSoFar()) | 0) <= 0;
  }
}

/** Upper bound of one connection's bytes in flight, reset when the reader has caught up. */
export class ConnectionQuota {
  private older = 0;
  private newer = 0;
  private mark: number;

  constructor(private readonly inFlight: InFlight) {
    this.mark = inFlight.mark();
  }

  /** Adds pushed bytes, and returns the bytes in flight including them. */
  add(bytes: number): number {
    if (this.inFlight.isRead(this.mark)) {
      // Everything before the mark is read; later bytes may not be.
      this.older = this.newer;
      this.newer = 0;
      this.mark = this.inFlight.mark();
    }
    this.newer += bytes;
    return this.older + this.newer;
  }
}
