import { beforeAll, describe, expect, it } from "vitest";
import type { SecretLabel } from "../../src/tls/candidates.js";
import { TlsSessionReader } from "../../src/tls/session-reader.js";
import { keyPair } from "../tls/certificates.js";
import { cut } from "../tls/reading.js";
import { type Recorded, recordNode, type Step } from "../tls/recording.js";
import { fuzz, mutate, type Random } from "./mutations.js";

const SECONDS = Number(process.env.OXIMY_FUZZ_SECONDS ?? 2);
const MAX_PENDING = 50_000;
const LABELS = [
  undefined,
  "CLIENT_RANDOM",
  "CLIENT_EARLY_TRAFFIC_SECRET",
  "SERVER_TRAFFIC_SECRET_0",
] as const;

let corpus: Recorded[];
beforeAll(async () => {
  const pair = keyPair("ecdsa");
  corpus = [];
  for (const ciphers of [
    "TLS_AES_128_GCM_SHA256",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-ECDSA-AES128-CCM8",
  ]) {
    const version = ciphers.startsWith("TLS") ? "TLSv1.3" : "TLSv1.2";
    const server = {
      ...pair,
      ciphers,
      minVersion: version,
      maxVersion: version,
      ecdhCurve: "P-384",
    } as const;
    const client = { ecdhCurve: "P-256:P-384", ciphers };
    corpus.push(...(await recordNode({ server, client, connections: 2 })));
  }
});

/** A reader that checks what it promises, whatever the bytes. */
function checkedReader(): {
  reader: TlsSessionReader;
  told: { readonly data: number; readonly failures: string[] };
} {
  const told = { data: 0, failures: [] as string[] };
  let isEstablished = false;
  const check = (): void => {
    if (told.failures.length > 0) throw new Error("told after it failed");
  };
  const reader = new TlsSessionReader(
    {
      onEstablished() {
        check();
        if (isEstablished) throw new Error("established twice");
        isEstablished = true;
      },
      onData(_, bytes) {
        check();
        if (!isEstablished) throw new Error("data before the session is established");
        told.data += bytes.length;
      },
      onEnd: check,
      onAlert: check,
      onFailed(reason) {
        check();
        told.failures.push(reason);
      },
    },
    { maxPending: MAX_PENDING },
  );
  return { reader, told };
}

function mutateSteps(steps: readonly Step[], random: Random): Step[] {
  const mutated = random.below(steps.length);
  return steps.map(([direction, bytes], at): Step => {
    if (bytes === "end" || (at !== mutated && random.below(10) > 0)) return [direction, bytes];
    return [direction, mutate(bytes, random)];
  });
}

function readMutated(random: Random): void {
  const { secrets, steps } = random.oneOf(corpus);
  const { reader, told } = checkedReader();
  const left = [...secrets];
  const addOne = (): void => {
    const [secret] = left.splice(random.below(left.length || 1), 1);
    if (secret === undefined) return;
    const bytes = random.below(8) === 0 ? mutate(secret[1], random) : secret[1];
    reader.addSecret(random.below(3) === 0 ? undefined : secret[0], bytes);
  };
  if (random.below(2) === 0) for (const _ of secrets) addOne();
  const size = random.below(2) === 0 ? 1 << 20 : 1 + random.below(300);
  for (const [direction, bytes] of cut(mutateSteps(steps, random), () => size)) {
    if (random.below(10) === 0) addOne();
    if (bytes === "end") reader.end(direction);
    else reader.push(direction, bytes, 0);
    if (random.below(500) === 0) reader.end(direction);
  }
  while (left.length > 0) addOne();
  if (random.below(2) === 0) reader.giveUp();
  reader.close();
  // What the rim had to catch is an error of ours: the reader knows what it does not understand.
  expect(told.failures.filter((reason) => reason === "reader_failed")).toEqual([]);
}

function readNoise(random: Random): void {
  const { reader, told } = checkedReader();
  // After real hellos, so that more than the first byte is looked at.
  const { steps } = random.oneOf(corpus);
  const hellos = steps.slice(0, random.below(5)).filter(([, bytes]) => bytes !== "end");
  for (const [direction, bytes] of hellos) reader.push(direction, bytes as Buffer, 0);
  for (let count = random.below(40); count > 0; count--) {
    const body = random.bytes(random.below(200));
    const header = Buffer.from([20 + random.below(5), 3, 3, 0, body.length]);
    const bytes = random.below(10) === 0 ? random.bytes(random.below(50)) : Buffer.concat([header, body]);
    reader.push(random.oneOf(["request", "response"]), bytes, 0);
    const secret = random.bytes(random.oneOf([0, 31, 32, 48, 64]));
    if (random.below(5) === 0) reader.addSecret(random.oneOf(LABELS) as SecretLabel | undefined, secret);
  }
  reader.close();
  expect(told).toMatchObject({ data: 0 });
  expect(told.failures.filter((reason) => reason === "reader_failed")).toEqual([]);
}

describe("whatever the bytes, nothing is thrown", () => {
  it.each([
    ["mutated sessions", readMutated],
    ["noise", readNoise],
  ])(
    "for %s",
    async (name, target) => {
      const runs = await fuzz(target);
      console.log(`${runs} runs of ${name}`);
    },
    (SECONDS + 20) * 1000,
  );
});
