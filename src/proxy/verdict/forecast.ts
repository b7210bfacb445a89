/** Predicts what would be done with the next call of a program, by the real verdict. Pure. */

import type { PassthroughReason } from "../../connection/reasons.js";
import { type Client, decide, type Policy } from "./decide.js";
import type { Opening } from "./opening.js";

export type Forecast =
  | { readonly kind: "read" }
  | { readonly kind: "intercept"; readonly trial: boolean }
  | { readonly kind: "seen_only"; readonly reason: PassthroughReason };

export type ForecastPolicy = Pick<Policy, "interception" | "pins">;

/** A typical call. */
const CALL: Opening = {
  kind: "tls",
  hello: {
    serverName: "any",
    random: new Uint8Array(32),
    alpn: [],
    versions: [0x0304],
    cipherSuites: [],
    groups: [],
    signatureAlgorithms: [],
    extensions: [],
    resumes: false,
  },
};

export function forecast(client: Client, policy: ForecastPolicy): Forecast {
  const verdict = decide(CALL, { address: "any", port: 443 }, client, {
    ...policy,
    knowledgeOf: () => "readable",
    selects: () => true,
    distrusting: "pass_through",
    asksForCertificate: () => false,
    capacity: "free",
    isSeenInContainer: false,
  });
  switch (verdict.action) {
    case "read":
      return { kind: "read" };
    case "intercept":
      return { kind: "intercept", trial: verdict.trial };
    case "passthrough":
      return { kind: "seen_only", reason: verdict.reason as PassthroughReason };
  }
}
