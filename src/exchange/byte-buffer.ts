const EMPTY = Buffer.alloc(0);
const SMALLEST = 256;

/** A growable buffer. Its capacity doubles, so that appending byte by byte takes linear time. */
export class ByteBuffer {
  private bytes: Buffer = EMPTY;
  private size = 0;

  get length(): number {
    return this.size;
  }

  append(bytes: Buffer, start: number, end: number): void {
    const needed = this.size + end - start;
    if (needed > this.bytes.length) this.grow(needed);
    bytes.copy(this.bytes, this.size, start, end);
    this.size = needed;
  }

  /** The bytes appended so far. Later appends and `clear` do not modify them. */
  view(): Buffer {
    return this.bytes.subarray(0, this.size);
  }

  clear(): void {
    this.bytes = EMPTY;
    this.size = 0;
  }

  private grow(needed: number): void {
    // The first allocation fits exactly: most bodies and heads come in one piece.
    const room = this.size === 0 ? needed : Math.max(needed, this.bytes.length * 2, SMALLEST);
    const grown = Buffer.allocUnsafe(room);
    this.bytes.copy(grown, 0, 0, this.size);
    this.bytes = grown;
  }
}
