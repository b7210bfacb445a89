/**
 * What a new name costs: issuing its leaf, and beside it in the same run the TLS context that any server needs
 * for a certificate, and a leaf signed by node-forge's own RSA, as other proxies make them.
 *
 *   node --import tsx bench/leaf-issuer.ts [leaves]
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { LabAuthority } from "../lab/certificates.js";
import { openCa } from "../src/certificates/ca.js";
import { LeafIssuer, makeLeaf } from "../src/certificates/leaf.js";

const [leaves = 500] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), "oximy-issue-"));
const ca = openCa(folder);
rmSync(folder, { recursive: true });
const issuer = new LeafIssuer(ca);
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const key = privateKey.export({ type: "pkcs8", format: "pem" });
const cert = makeLeaf(ca, "warm.example", publicKey) + ca.certificatePem;
const forge = new LabAuthority();

const WAYS: Record<string, { readonly calls: number; readonly call: (name: string) => unknown }> = {
  "leaf of a new name": { calls: leaves, call: (name) => makeLeaf(ca, name, publicKey) },
  "TLS context for it": { calls: leaves, call: () => createSecureContext({ key, cert }) },
  "both, as the proxy does": { calls: leaves, call: (name) => issuer.contextFor(name) },
  "a name seen before": { calls: leaves, call: () => issuer.contextFor("warm.example") },
  "node-forge, RSA-2048": { calls: Math.ceil(leaves / 10), call: (name) => forge.issue([name]) },
};

const times = new Map(Object.keys(WAYS).map((way) => [way, [] as number[]]));
// Interleaved, so that a busy moment of the machine hits all alike; the first tenth warms up.
for (let at = 0; at < leaves * 1.1; at++) {
  for (const [way, { calls, call }] of Object.entries(WAYS)) {
    if (at % Math.round(leaves / calls) !== 0) continue;
    const started = performance.now();
    call(`host-${at}.example`);
    if (at >= leaves * 0.1) times.get(way)!.push(performance.now() - started);
  }
}
console.log("way                        p50 ms   p99 ms");
for (const [way, all] of times) {
  const sorted = all.sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.floor(q * (sorted.length - 1))]!.toFixed(3).padStart(9);
  console.log(`${way.padEnd(24)}${at(0.5)}${at(0.99)}`);
}
