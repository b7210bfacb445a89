/** Wireshark's dissector reads what we read, given the same recorded bytes and the same key log. */

import { randomBytes } from "node:crypto";
import type tls from "node:tls";
import { describe, expect, it } from "vitest";
import { keyPair } from "./certificates.js";
import { startOpensslServer } from "./openssl-peers.js";
import { readWhole, unnamed } from "./reading.js";
import { type NodeSession, type Recorded, recordNode } from "./recording.js";
import { readByTshark, withoutTshark } from "./tshark.js";

const missing = withoutTshark();
const TLS12 = { maxVersion: "TLSv1.2" } as const;
const suite13 = (name: string): tls.TlsOptions => ({ minVersion: "TLSv1.3", ciphers: name });
const suite12 = (name: string): tls.TlsOptions => ({ ...TLS12, ciphers: `${name}:@SECLEVEL=0` });

function same(recorded: Recorded): void {
  const read = readByTshark(recorded);
  expect(read).toEqual(recorded.data);
  expect(readWhole(recorded).data).toEqual(read);
  expect(readWhole(recorded, unnamed(recorded.secrets)).data).toEqual(read);
}

/** Bytes that fill records, and some that do not. */
const LARGE = [randomBytes(100_000), randomBytes(1), randomBytes(40_000)];

describe.skipIf(missing !== undefined)(`read as by tshark${missing ? ` (${missing})` : ""}`, () => {
  it.each<[string, NodeSession["server"], NodeSession["client"], number]>([
    ["TLS_AES_128_GCM_SHA256", suite13("TLS_AES_128_GCM_SHA256"), {}, 1],
    ["TLS_AES_256_GCM_SHA384", suite13("TLS_AES_256_GCM_SHA384"), {}, 1],
    ["TLS_CHACHA20_POLY1305_SHA256", suite13("TLS_CHACHA20_POLY1305_SHA256"), {}, 1],
    [
      "another hello that is asked for",
      { minVersion: "TLSv1.3", ecdhCurve: "P-384" },
      { ecdhCurve: "P-256:P-384" },
      1,
    ],
    ["TLS 1.3 that goes on from a ticket", { minVersion: "TLSv1.3" }, {}, 2],
    ["ECDHE-ECDSA-AES128-GCM-SHA256", suite12("ECDHE-ECDSA-AES128-GCM-SHA256"), {}, 1],
    ["ECDHE-ECDSA-AES256-GCM-SHA384", suite12("ECDHE-ECDSA-AES256-GCM-SHA384"), {}, 1],
    ["ECDHE-ECDSA-CHACHA20-POLY1305", suite12("ECDHE-ECDSA-CHACHA20-POLY1305"), {}, 1],
    ["ECDHE-ECDSA-AES128-SHA, MAC outside", suite12("ECDHE-ECDSA-AES128-SHA"), {}, 1],
    ["ECDHE-ECDSA-AES256-SHA384, MAC outside", suite12("ECDHE-ECDSA-AES256-SHA384"), {}, 1],
    ["ECDHE-ECDSA-AES128-CCM", suite12("ECDHE-ECDSA-AES128-CCM"), { ciphers: "ALL:@SECLEVEL=0" }, 1],
    ["TLS 1.2 that goes on from a ticket", TLS12, {}, 2],
  ])("%s", async (_, server, client, connections) => {
    const session = {
      server: { ...keyPair("ecdsa"), ...server },
      request: LARGE,
      response: LARGE,
      connections,
    };
    const recorded = await recordNode({ ...session, ...(client && { client }) });
    same(recorded.at(-1)!);
  });

  it.each([
    ["the MAC inside", ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"], ["-no_etm"]],
    ["padded records", ["-tls1_3", "-record_padding", "700"], ["-record_padding", "16384"]],
    ["small records", ["-tls1_3", "-max_send_frag", "512"], ["-max_send_frag", "512"]],
  ])("%s", async (_, serverArgs, clientArgs) => {
    const server = await startOpensslServer(serverArgs);
    try {
      const session = await server.connect(clientArgs);
      await session.say("request", "question");
      await session.say("response", "answer");
      same(await session.finish());
    } finally {
      await server.stop();
    }
  });

  it("updates of keys on both sides", async () => {
    const server = await startOpensslServer(["-tls1_3"]);
    try {
      const session = await server.connect([]);
      await session.say("request", "question 1");
      await session.command("request", "K");
      await session.say("request", "question 2");
      await session.command("response", "K");
      await session.say("response", "answer");
      same(await session.finish());
    } finally {
      await server.stop();
    }
  });
});
