/** A small seeded generator (mulberry32): a failure is found again by its seed. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** An integer from 0 to `below` - 1. */
  below(below: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  oneOf<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

/** What protocols stumble over: line ends, sizes, separators, largest integers. */
const TOKENS = [
  "\r\n",
  "\n",
  "\r",
  "\0",
  " ",
  ":",
  "0\r\n\r\n",
  "ffffffff",
  "\xff\xff\xff\xff",
  "chunked",
  "Content-Length: 5\r\n",
  "HTTP/1.1 101 \r\n\r\n",
];

const MUTATIONS: ReadonlyArray<(bytes: Buffer, random: Random) => Buffer> = [
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    if (changed.length > 0) changed[random.below(changed.length)] = random.below(256);
    return changed;
  },
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    if (changed.length > 0) changed[random.below(changed.length)]! ^= 1 << random.below(8);
    return changed;
  },
  (bytes, random) => splice(bytes, random, random.bytes(random.below(20))),
  (bytes, random) => splice(bytes, random, Buffer.from(random.oneOf(TOKENS), "latin1")),
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => bytes.subarray(random.below(bytes.length + 1)),
  (bytes, random) => splice(bytes, random, bytes.subarray(random.below(bytes.length + 1))),
];

function splice(bytes: Buffer, random: Random, inserted: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + random.below(4))]);
}

/** The bytes with one thing changed. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  return random.oneOf(MUTATIONS)(bytes, random);
}

/** Runs `target` with seeds from `OXIMY_FUZZ_SEED` (1) on for `OXIMY_FUZZ_SECONDS` (2); answers the number of runs. */
export async function fuzz(target: (random: Random) => void): Promise<number> {
  const first = Number(process.env.OXIMY_FUZZ_SEED ?? 1);
  const until = performance.now() + 1000 * Number(process.env.OXIMY_FUZZ_SECONDS ?? 2);
  let seed = first;
  for (; performance.now() < until || seed < first + 100; seed++) {
    try {
      target(new Random(seed));
    } catch (error) {
      throw new Error(`found with OXIMY_FUZZ_SEED=${seed}`, { cause: error });
    }
    // What is only freed between two turns of the event loop would add up.
    if (seed % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return seed - first;
}
