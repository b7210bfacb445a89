import { randomFillSync } from "node:crypto";

const COUNTER_BITS = 26;
const RANDOM_POOL = 4096;

/**
 * Makes UUIDv7 (RFC 9562 §5.7) of given moments. Ids of the same millisecond ascend in the order in which
 * they were asked for: the 26 bits after the time are a counter with a random start (§6.2, method 1).
 */
export class UuidV7Generator {
  #lastMs = -1;
  #counter = 0;
  readonly #pool = Buffer.alloc(RANDOM_POOL);
  #used = RANDOM_POOL;

  /** `epochMs` may have fractions, which are cut off. */
  next(epochMs: number): string {
    const ms = Math.max(0, Math.floor(epochMs));
    if (ms === this.#lastMs) {
      this.#counter += 1;
    } else {
      this.#lastMs = ms;
      // The upper half stays free, so that 33 million ids of one millisecond cannot overflow it.
      this.#counter = this.#random(4).readUInt32BE(0) >>> (32 - COUNTER_BITS + 1);
    }
    const id = Buffer.alloc(16);
    id.writeUIntBE(ms, 0, 6);
    id.writeUInt16BE(0x7000 | (this.#counter >>> 14), 6);
    id.writeUInt16BE(0x8000 | (this.#counter & 0x3fff), 8);
    this.#random(6).copy(id, 10);
    const hex = id.toString("hex");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  #random(length: number): Buffer {
    if (this.#used + length > RANDOM_POOL) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    this.#used += length;
    return this.#pool.subarray(this.#used - length, this.#used);
  }
}
