/** Key derivation: RFC 8446 §7.1 to 7.3 (TLS 1.3) and RFC 5246 §5, 6.3 (TLS 1.2). */
import { createHmac } from "node:crypto";
import type { SuiteHash } from "./cipher-suites.js";

export const HASH_LENGTH: Readonly<Record<SuiteHash, number>> = { sha256: 32, sha384: 48 };
export const MASTER_SECRET_LENGTH = 48;

function hmac(hash: SuiteHash, key: Buffer, ...parts: readonly Buffer[]): Buffer {
  const mac = createHmac(hash, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** HKDF-Expand-Label with an empty context, for results no longer than one hash. */
export function expandLabel(hash: SuiteHash, secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`, "latin1");
  // struct HkdfLabel, and the counter of HKDF-Expand (RFC 5869 §2.3), which needs a single round.
  const info = Buffer.concat([
    Buffer.from([length >> 8, length & 0xff, name.length]),
    name,
    Buffer.from([0, 1]),
  ]);
  const expanded = hmac(hash, secret, info);
  const key = Buffer.from(expanded.subarray(0, length));
  expanded.fill(0);
  return key;
}

/** The secret after a key update (RFC 8446 §7.2). */
export function nextTrafficSecret(hash: SuiteHash, secret: Buffer): Buffer {
  return expandLabel(hash, secret, "traffic upd", HASH_LENGTH[hash]);
}

/** The key block of TLS 1.2 (RFC 5246 §6.3), `length` bytes of it. */
export function keyBlock(
  hash: SuiteHash,
  masterSecret: Buffer,
  randoms: { readonly client: Buffer; readonly server: Buffer },
  length: number,
): Buffer {
  const seed = Buffer.concat([Buffer.from("key expansion", "latin1"), randoms.server, randoms.client]);
  const block = Buffer.alloc(length);
  let a = hmac(hash, masterSecret, seed);
  for (let at = 0; at < length; at += HASH_LENGTH[hash]) {
    const round = hmac(hash, masterSecret, a, seed);
    round.copy(block, at);
    round.fill(0);
    a = hmac(hash, masterSecret, a);
  }
  return block;
}
