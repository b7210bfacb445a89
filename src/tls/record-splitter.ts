import { ProtocolError } from "./failure.js";
import { HEADER_LENGTH, isRecordHeader, recordLength } from "./record.js";

const EMPTY = Buffer.alloc(0);
/** Buffers above this size are reused for the next fragmented record, of any connection. */
const SMALL = 1024;
const SPARE_LENGTH = HEADER_LENGTH + (1 << 14) + 2048;
/** Ciphertext only. One is enough: a bulk transfer needs one at a time, and idle connections keep none. */
let spare: Buffer | undefined;

/** Splits one direction's bytes into records. Only records that span chunks are copied. */
export class RecordSplitter {
  private chunk: Buffer = EMPTY;
  private at = 0;
  /** The beginning of an incomplete record. */
  private partial: Buffer = EMPTY;
  private have = 0;
  /** The record returned last is in `partial`. */
  private isHandedOut = false;

  /** True when the bytes so far end inside a record. */
  get isInside(): boolean {
    return this.have > 0 && !this.isHandedOut;
  }

  /** Bytes buffered. */
  get kept(): number {
    return this.partial.length;
  }

  /** `next` must have returned undefined before. */
  feed(chunk: Buffer): void {
    this.chunk = chunk;
    this.at = 0;
  }

  /** The next complete record, valid until `next` is called again; undefined when more bytes are needed. */
  next(): Buffer | undefined {
    if (this.isHandedOut) this.release();
    if (this.have > 0) return this.complete();
    const start = this.at;
    const left = this.chunk.length - start;
    if (left >= HEADER_LENGTH) {
      if (!isRecordHeader(this.chunk, start)) throw new ProtocolError("malformed_record");
      const length = recordLength(this.chunk, start);
      if (left >= length) {
        this.at = start + length;
        return this.chunk.subarray(start, start + length);
      }
      this.reserve(length);
    } else {
      if (left > 0) this.reserve(HEADER_LENGTH);
    }
    this.take(left);
    this.chunk = EMPTY;
    return undefined;
  }

  clear(): void {
    this.chunk = EMPTY;
    this.release();
  }

  private complete(): Buffer | undefined {
    if (this.have < HEADER_LENGTH) {
      this.take(HEADER_LENGTH - this.have);
      if (this.have < HEADER_LENGTH) return undefined;
    }
    if (!isRecordHeader(this.partial, 0)) throw new ProtocolError("malformed_record");
    const length = recordLength(this.partial, 0);
    this.reserve(length);
    this.take(length - this.have);
    if (this.have < length) return undefined;
    this.isHandedOut = true;
    return this.partial.subarray(0, length);
  }

  private take(wanted: number): void {
    const end = Math.min(this.chunk.length, this.at + wanted);
    this.chunk.copy(this.partial, this.have, this.at, end);
    this.have += end - this.at;
    this.at = end;
  }

  private reserve(length: number): void {
    if (this.partial.length >= length) return;
    let room: Buffer;
    if (length <= SMALL) {
      room = Buffer.allocUnsafe(length);
    } else {
      room = spare ?? Buffer.allocUnsafeSlow(SPARE_LENGTH);
      spare = undefined;
    }
    this.partial.copy(room, 0, 0, this.have);
    this.partial = room;
  }

  private release(): void {
    if (this.partial.length > SMALL) spare = this.partial;
    this.partial = EMPTY;
    this.have = 0;
    this.isHandedOut = false;
  }
}
