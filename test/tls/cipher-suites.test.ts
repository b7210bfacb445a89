import { describe, expect, it } from "vitest";
import { keyPair } from "./certificates.js";
import { readWhole } from "./reading.js";
import { type Recorded, recordNode } from "./recording.js";

const REQUEST = [Buffer.alloc(5, "q"), Buffer.alloc(40_000, "Q")];
const RESPONSE = [Buffer.alloc(1, "r"), Buffer.alloc(70_000, "R"), Buffer.alloc(33, "s")];

const TLS13: readonly [suite: string, id: number][] = [
  ["TLS_AES_128_GCM_SHA256", 0x1301],
  ["TLS_AES_256_GCM_SHA384", 0x1302],
  ["TLS_CHACHA20_POLY1305_SHA256", 0x1303],
  ["TLS_AES_128_CCM_SHA256", 0x1304],
  ["TLS_AES_128_CCM_8_SHA256", 0x1305],
];

const TLS12: readonly [suite: string, id: number][] = [
  ["ECDHE-RSA-AES128-GCM-SHA256", 0xc02f],
  ["ECDHE-RSA-AES256-GCM-SHA384", 0xc030],
  ["ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b],
  ["ECDHE-ECDSA-AES256-GCM-SHA384", 0xc02c],
  ["AES128-GCM-SHA256", 0x009c],
  ["AES256-GCM-SHA384", 0x009d],
  ["ECDHE-RSA-CHACHA20-POLY1305", 0xcca8],
  ["ECDHE-ECDSA-CHACHA20-POLY1305", 0xcca9],
  ["ECDHE-ECDSA-AES128-CCM", 0xc0ac],
  ["ECDHE-ECDSA-AES256-CCM", 0xc0ad],
  ["ECDHE-ECDSA-AES128-CCM8", 0xc0ae],
  ["ECDHE-ECDSA-AES256-CCM8", 0xc0af],
  ["AES128-CCM", 0xc09c],
  ["AES256-CCM", 0xc09d],
  ["ECDHE-RSA-AES128-SHA", 0xc013],
  ["ECDHE-RSA-AES256-SHA", 0xc014],
  ["ECDHE-ECDSA-AES128-SHA", 0xc009],
  ["ECDHE-ECDSA-AES256-SHA", 0xc00a],
  ["ECDHE-RSA-AES128-SHA256", 0xc027],
  ["ECDHE-RSA-AES256-SHA384", 0xc028],
  ["ECDHE-ECDSA-AES128-SHA256", 0xc023],
  ["ECDHE-ECDSA-AES256-SHA384", 0xc024],
  ["AES128-SHA", 0x002f],
  ["AES256-SHA", 0x0035],
  ["AES128-SHA256", 0x003c],
  ["AES256-SHA256", 0x003d],
];

function expectedReport(version: string, cipherSuite: number, { data }: Recorded) {
  return {
    data,
    established: [{ version, cipherSuite, protocol: "h2", resumed: false }],
    ends: { request: "close_notify", response: "close_notify" },
    failures: [],
    earlyDataUnread: 0,
    turns: ["session", "request", "response"],
  };
}

describe("a session is read", () => {
  it.each(TLS13)("of TLS 1.3 with %s", async (suite, id) => {
    const server = {
      ...keyPair("ecdsa"),
      ciphers: suite,
      minVersion: "TLSv1.3",
      ALPNProtocols: ["h2"],
    } as const;
    const client = { ciphers: suite, ALPNProtocols: ["h2", "http/1.1"] };
    const [recorded] = await recordNode({ server, client, request: REQUEST, response: RESPONSE });
    expect(readWhole(recorded!)).toMatchObject(expectedReport("TLSv1.3", id, recorded!));
  });

  it.each(TLS12)("of TLS 1.2 with %s", async (suite, id) => {
    const ciphers = `${suite}:@SECLEVEL=0`;
    const pair = keyPair(suite.includes("ECDSA") ? "ecdsa" : "rsa");
    const server = { ...pair, ciphers, maxVersion: "TLSv1.2", ALPNProtocols: ["h2"] } as const;
    const client = { ciphers, ALPNProtocols: ["h2", "http/1.1"] };
    const [recorded] = await recordNode({ server, client, request: REQUEST, response: RESPONSE });
    expect(readWhole(recorded!)).toMatchObject(expectedReport("TLSv1.2", id, recorded!));
  });
});
