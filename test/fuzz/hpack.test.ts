import { it } from "vitest";
import { ProtocolError } from "../../src/exchange/guard.js";
import { HpackDecoder } from "../../src/exchange/hpack.js";
import { fuzz, type Random } from "./mutations.js";

const SECONDS = Number(process.env.OXIMY_FUZZ_SECONDS ?? 2);
const MAX_HEADER = 1000;

function decodeNoise(random: Random): void {
  const decoder = new HpackDecoder(MAX_HEADER);
  decoder.allowTableSize(random.below(100_000));
  try {
    for (let i = 0; i < 10; i++) decoder.decode(random.bytes(random.below(60)));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}

it(
  "whatever the bytes, HPACK is read, or known not to be readable",
  async () => {
    console.log(`${await fuzz(decodeNoise)} runs of noise as HPACK`);
  },
  (SECONDS + 20) * 1000,
);
