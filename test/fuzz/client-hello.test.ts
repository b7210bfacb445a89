import { expect, it } from "vitest";
import { fingerprintOf } from "../../src/proxy/upstream/fingerprint.js";
import { readClientHello } from "../../src/proxy/verdict/client-hello.js";
import { captureHello, clientNames, inRecords } from "../proxy/client-hello-rig.js";
import { fuzz, mutate } from "./mutations.js";

const SECONDS = Number(process.env.OXIMY_FUZZ_SECONDS ?? 3);

it(
  "whatever the bytes, a hello is read without an error, and its shape is one that can be offered",
  async () => {
    const corpus = await Promise.all(clientNames.map(captureHello));
    let read = 0;
    const runs = await fuzz((random) => {
      let bytes = random.oneOf(corpus);
      if (random.below(3) === 0) bytes = inRecords(bytes, 1 + random.below(300));
      for (let changes = random.below(4); changes >= 0; changes--) bytes = mutate(bytes, random);
      if (random.below(20) === 0) bytes = random.bytes(random.below(300));
      const result = readClientHello(bytes);
      if (result.kind !== "hello") return;
      read++;
      const { hello } = result;
      expect(hello.alpn.every((name) => name.length > 0 && name.length < 256)).toBe(true);
      expect(hello.serverName ?? "x").toMatch(/^[!-~]+$/);
      expect(fingerprintOf(hello).key).not.toBe("");
    });
    console.log(`${runs} runs, ${read} of them hellos`);
    expect(read).toBeGreaterThan(0);
  },
  (SECONDS + 20) * 1000,
);
