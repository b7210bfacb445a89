import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { keyPair } from "./certificates.js";
import { addSecrets, cut, type Offer, play, startReading } from "./reading.js";
import { type Recorded, recordNode, type Step } from "./recording.js";

const RUNS = { numRuns: 150 };

let sessions: Recorded[];
beforeAll(async () => {
  const pair = keyPair("ecdsa");
  const request = [Buffer.alloc(30, "q"), Buffer.alloc(3000, "Q")];
  const response = [Buffer.alloc(20_000, "R"), Buffer.alloc(1, "r")];
  const servers = [
    { minVersion: "TLSv1.3" },
    { minVersion: "TLSv1.3", ecdhCurve: "P-384", ciphers: "TLS_CHACHA20_POLY1305_SHA256" },
    { maxVersion: "TLSv1.2" },
    { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256" },
  ] as const;
  const client = { ecdhCurve: "P-256:P-384" };
  sessions = [];
  for (const server of servers) {
    sessions.push(
      ...(await recordNode({ server: { ...pair, ...server }, client, request, response, connections: 2 })),
    );
  }
});

const anySession = fc.nat().map((at) => sessions[at % sessions.length]!);
const anySeed = fc.array(fc.nat({ max: 1 << 16 }), { minLength: 1, maxLength: 50 });

/** Numbers out of a list, again and again. */
function numbers(seed: readonly number[]): () => number {
  let at = 0;
  return () => seed[at++ % seed.length]!;
}

/** The plain handshake's records cut into smaller ones: messages need not end with records (RFC 8446 §5.1). */
function splitHandshake(steps: readonly Step[], size: number): Step[] {
  return steps.map(([direction, bytes]): Step => {
    if (bytes === "end" || bytes[0] !== 22) return [direction, bytes];
    const end = 5 + bytes.readUInt16BE(3);
    const records: Buffer[] = [];
    for (let at = 5; at < end; at += size) {
      const length = Math.min(size, end - at);
      records.push(Buffer.from([22, 3, 3, length >> 8, length & 0xff]), bytes.subarray(at, at + length));
    }
    return [direction, Buffer.concat([...records, bytes.subarray(end)])];
  });
}

/** The same bytes in each direction, in another order of the two. */
function shuffle(steps: readonly Step[], next: () => number): Step[] {
  const left = {
    request: steps.filter(([direction]) => direction === "request"),
    response: steps.filter(([direction]) => direction === "response"),
  };
  const shuffled: Step[] = [];
  while (left.request.length + left.response.length > 0) {
    const first = next() % 2 ? left.request : left.response;
    shuffled.push(
      (first.length > 0 ? first : first === left.request ? left.response : left.request).shift()!,
    );
  }
  return shuffled;
}

const READ = { failures: [], ends: { request: "close_notify", response: "close_notify" } };

describe("a session is read all the same", () => {
  it("however its bytes are cut", () => {
    fc.assert(
      fc.property(anySession, fc.integer({ min: 1, max: 700 }), anySeed, (recorded, size, seed) => {
        const next = numbers(seed);
        const { reader, report } = startReading();
        addSecrets(reader, recorded.secrets);
        play(
          reader,
          cut(splitHandshake(recorded.steps, size), () => next() % 3000),
        );
        expect(report).toMatchObject({
          ...READ,
          data: recorded.data,
          turns: ["session", "request", "response"],
        });
      }),
      RUNS,
    );
  });

  it("whenever its secrets come, in whatever order, with names or without", () => {
    fc.assert(
      fc.property(anySession, fc.nat({ max: 40 }), anySeed, fc.boolean(), (recorded, size, seed, named) => {
        const next = numbers(seed);
        const { reader, report } = startReading();
        const secrets = recorded.secrets
          .map(([label, secret]): Offer => [named ? label : undefined, secret])
          .sort(() => (next() % 2) - 0.5);
        const steps = cut(recorded.steps, () => 1 + (next() % (1 + size * 100)));
        for (const step of steps) {
          if (next() % 3 === 0) addSecrets(reader, secrets.splice(0, 1));
          play(reader, [step]);
        }
        addSecrets(reader, secrets);
        expect(report).toMatchObject({
          ...READ,
          data: recorded.data,
          turns: ["session", "request", "response"],
        });
      }),
      RUNS,
    );
  });

  it("when the copies of the directions come apart", () => {
    fc.assert(
      fc.property(anySession, anySeed, (recorded, seed) => {
        const next = numbers(seed);
        const { reader, report } = startReading();
        const secrets = [...recorded.secrets];
        const steps = shuffle(
          cut(recorded.steps, () => 1 + (next() % 5000)),
          next,
        );
        for (const step of steps) {
          if (next() % 4 === 0) addSecrets(reader, secrets.splice(0, 1));
          play(reader, [step]);
        }
        addSecrets(reader, secrets);
        expect(report).toMatchObject({ ...READ, data: recorded.data });
        expect(report.established).toHaveLength(1);
      }),
      RUNS,
    );
  });
});
