import { describe, expect, it } from "vitest";
import { sessionTerms } from "../../src/proxy/intercept/session-terms.js";
import type { AgreedSession } from "../../src/proxy/upstream/upstream.js";
import type { ClientHello } from "../../src/proxy/verdict/client-hello.js";

const [AES128_SHA, RSA_GCM, ECDSA_GCM, ECDSA_SHA, AES_128_13] = [0x002f, 0xc02f, 0xc02b, 0xc009, 0x1301];

const hello = (cipherSuites: readonly number[], change: Partial<ClientHello> = {}): ClientHello => ({
  random: new Uint8Array(32),
  alpn: [],
  versions: [0x0304, 0x0303],
  cipherSuites,
  groups: [0x001d, 0x0017],
  signatureAlgorithms: [0x0403, 0x0804],
  extensions: [],
  resumes: false,
  ...change,
});
const tls12 = (suite: string): AgreedSession => ({ version: "TLSv1.2", suite });
const RSA_AGREED = tls12("ECDHE-RSA-AES128-GCM-SHA256");
const TLS_13: AgreedSession = { version: "TLSv1.3", suite: "TLS_AES_128_GCM_SHA256" };

describe("a client's session", () => {
  it.each([
    [
      "the server's suite, with our kind of certificate",
      hello([RSA_GCM, ECDSA_GCM]),
      RSA_AGREED,
      ["ECDHE-ECDSA-AES128-GCM-SHA256"],
    ],
    [
      "never an older suite, whatever the client's order",
      hello([ECDSA_SHA, RSA_GCM, ECDSA_GCM]),
      RSA_AGREED,
      ["ECDHE-ECDSA-AES128-GCM-SHA256"],
    ],
    [
      "what the server chose, of old ones",
      hello([AES128_SHA, ECDSA_SHA]),
      tls12("AES128-SHA"),
      ["ECDHE-ECDSA-AES128-SHA"],
    ],
    ["TLS 1.3 where the server has it", hello([AES_128_13, ECDSA_GCM]), TLS_13, ["TLS_AES_128_GCM_SHA256"]],
  ])("is held to %s", (_what, client, agreed, ciphers) => {
    expect(sessionTerms(client, agreed)).toEqual({ version: agreed.version, ciphers: ciphers.join(":") });
  });

  it.each([
    ["suites for certificates of RSA only", hello([RSA_GCM]), RSA_AGREED],
    ["old suites only beside the server's", hello([ECDSA_SHA, RSA_GCM]), RSA_AGREED],
    ["suites without forward secrecy only", hello([AES128_SHA]), tls12("AES128-SHA")],
    ["signatures of RSA only", hello([AES_128_13], { signatureAlgorithms: [0x0804] }), TLS_13],
    ["no P-256, which certificates need up to TLS 1.2", hello([ECDSA_GCM], { groups: [0x001d] }), RSA_AGREED],
  ])("is none with us where it offers %s", (_what, client, agreed) => {
    expect(sessionTerms(client, agreed)).toBeUndefined();
  });
});
