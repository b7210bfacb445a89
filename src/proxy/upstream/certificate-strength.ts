/**
 * Properties of a server's certificate that a client may reject although our own verification does not: weak keys and
 * digests. Clients draw the line differently (OpenSSL's security levels, SSL_CTX_set_security_level(3), GnuTLS's
 * priorities, system policies), so everything below the strictest common level is left for the client to judge.
 */

import type { X509Certificate } from "node:crypto";
import { oidOf, readDer } from "../../certificates/der.js";

/** 112 bits, security level 2: what Debian's curl and wget require. */
const LEAST_RSA_BITS = 2_048;
/** Elliptic curves of less than 200 bits, by their names: secp192k1, prime192v1, sect163k1, brainpoolP160r1. */
const SMALL_CURVE = /(?<!\d)1\d\d(?!\d)/;
const WEAK_DIGESTS: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.1.1.2", "MD2"],
  ["1.2.840.113549.1.1.4", "MD5"],
  ["1.2.840.113549.1.1.5", "SHA-1"],
  ["1.2.840.10045.4.1", "SHA-1"], // with ECDSA
  ["1.2.840.10040.4.3", "SHA-1"], // with DSA
]);

/** Why a client may reject the chain; undefined when it is strong. A root's signature proves nothing: not checked. */
export function weaknessOf(chain: readonly X509Certificate[]): string | undefined {
  for (const certificate of chain) {
    const isRoot = certificate.issuer === certificate.subject && chain.length > 1;
    const why = weakKey(certificate) ?? (isRoot ? undefined : weakDigest(certificate));
    if (why !== undefined) return why;
  }
  return undefined;
}

function weakKey({ publicKey }: X509Certificate): string | undefined {
  const { modulusLength, namedCurve } = publicKey.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined && modulusLength < LEAST_RSA_BITS) return `KEY_OF_${modulusLength}_BITS`;
  return namedCurve !== undefined && SMALL_CURVE.test(namedCurve) ? `KEY_OF_${namedCurve}` : undefined;
}

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER … }, … } (RFC 5280 §4.1) */
function weakDigest({ raw }: X509Certificate): string | undefined {
  const [, algorithm] = readDer(raw)?.children() ?? [];
  const [oid] = algorithm?.children() ?? [];
  const digest = oid && WEAK_DIGESTS.get(oidOf(oid.value));
  return digest && `SIGNED_WITH_${digest}`;
}
