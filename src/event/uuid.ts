import { randomFillSync } from "node:crypto";

const COUNTER_BITS = 26;
const RANDOM_POOL = 1024;

/**
 * Generates UUIDv7 (RFC 9562 §5.7) for given times. Ids of the same millisecond ascend in the order of
 * generation: the 26 bits after the time are a counter with a random start (§6.2, method 1).
 */
export class UuidV7Generator {
  private lastMs = -1;
  private counter = 0;
  private readonly pool = new Uint32Array(RANDOM_POOL);
  private used = RANDOM_POOL;

  /** Fractions of `epochMs` are truncated. */
  next(epochMs: number): string {
    const ms = Math.max(0, Math.floor(epochMs));
    if (ms === this.lastMs) {
      this.counter += 1;
    } else {
      this.lastMs = ms;
      // Starts in the lower half, so that 33 million ids in one millisecond cannot overflow it.
      this.counter = this.random() >>> (32 - COUNTER_BITS + 1);
    }
    const time = hex(ms, 12);
    const upper = hex(0x7000 | (this.counter >>> 14), 4);
    const lower = hex(0x8000 | (this.counter & 0x3fff), 4);
    const random = hex(this.random(), 8) + hex(this.random() >>> 16, 4);
    return `${time.slice(0, 8)}-${time.slice(8)}-${upper}-${lower}-${random}`;
  }

  /** 32 bits. */
  private random(): number {
    if (this.used === RANDOM_POOL) {
      randomFillSync(this.pool);
      this.used = 0;
    }
    return this.pool[this.used++]!;
  }
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, "0");
}
