import { describe, expect, it } from "vitest";
import { TlsSessionReader } from "../../src/tls/session-reader.js";
import { keyPair } from "./certificates.js";
import { addSecrets, play, startReading } from "./reading.js";
import { recordNode } from "./recording.js";

/** A record of random looks. */
function sealed(length: number): Buffer {
  return Buffer.concat([Buffer.from([23, 3, 3, length >> 8, length & 0xff]), Buffer.alloc(length, 0x5a)]);
}

describe("a reader that waits for secrets", () => {
  it.each([
    ["records without content", 0],
    ["small records", 17],
    ["large records", 16_000],
  ])("keeps no more than it may, however many %s come", async (_, length) => {
    const { steps } = (await recordNode({ server: { ...keyPair("ecdsa"), minVersion: "TLSv1.3" } }))[0]!;
    const { reader, report } = startReading(100_000);
    // The hellos.
    play(reader, steps.slice(0, 2));
    let count = 0;
    while (report.failures.length === 0 && count < 10_000) {
      play(reader, [["response", sealed(length)]]);
      count++;
    }
    expect(report.failures).toEqual(["too_much_ciphertext"]);
    expect(count * (length + 5)).toBeLessThanOrEqual(100_000 + length + 5);
    expect(count).toBeLessThan(1000);
  });

  it("tries a wrong secret on few records only", async () => {
    const recorded = (await recordNode({ server: { ...keyPair("ecdsa"), minVersion: "TLSv1.3" } }))[0]!;
    let trials = 0;
    const reader = new TlsSessionReader(
      { onEstablished() {}, onData() {}, onEnd() {}, onFailed() {} },
      { maxPending: 10 << 20 },
      () => ({
        open() {
          trials++;
          return undefined;
        },
        wipe() {},
      }),
    );
    addSecrets(
      reader,
      Array.from({ length: 10 }, (_, at) => [undefined, Buffer.alloc(48, at)] as const),
    );
    play(reader, recorded.steps.slice(0, 2));
    for (let count = 0; count < 5000; count++) play(reader, [["response", sealed(100)]]);
    expect(reader.state).toBe("waiting_for_secret");
    // Ten secrets on 64 records.
    expect(trials).toBeLessThanOrEqual(640);
    expect(trials).toBeGreaterThan(0);
  });
});

it("a message that claims to be huge is not made room for", () => {
  const { reader, report } = startReading();
  play(reader, [["request", Buffer.from([22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff])]]);
  expect(report.failures).toEqual(["malformed_handshake"]);
});
