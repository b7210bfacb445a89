/**
 * Constraints on the client's session, so that it is no weaker than the server's: the server, with preferences and a
 * list of its own, has chosen among what the client offers.
 */

import type { SecureVersion } from "node:tls";
import type { SessionTerms } from "../../certificates/leaf-contexts.js";
import { CIPHER_NAMES } from "../upstream/fingerprint-names.js";
import type { AgreedSession } from "../upstream/upstream.js";
import type { ClientHello } from "../verdict/client-hello.js";

/** No server's choice is stronger than these. Our certificates have P-256 keys, so only ECDSA suites apply. */
const STRONG: Partial<Record<SecureVersion, readonly string[]>> = {
  "TLSv1.3": ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"],
  "TLSv1.2": [
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
  ],
};
/** IANA, TLS SignatureScheme and Supported Groups. */
const ECDSA_P256_SHA256 = 0x0403;
const P256 = 0x0017;

/**
 * The server's version, and its suite first, if the client offers it with an ECDSA certificate. Undefined when the
 * client offers no suite with such a certificate that is as strong.
 */
export function sessionTerms(
  hello: ClientHello,
  { version, suite }: AgreedSession,
): SessionTerms | undefined {
  if (!hello.signatureAlgorithms.includes(ECDSA_P256_SHA256)) return undefined;
  // Up to TLS 1.2 the groups also restrict certificates (RFC 8422 §5.1).
  if (version === "TLSv1.2" && hello.groups.length > 0 && !hello.groups.includes(P256)) return undefined;
  const offered = new Set(hello.cipherSuites.map((number) => CIPHER_NAMES.get(number)));
  const ciphers = [...new Set([likeOurs(suite), ...(STRONG[version] ?? [])])].filter((name) =>
    offered.has(name),
  );
  return ciphers.length > 0 ? { version, ciphers: ciphers.join(":") } : undefined;
}

/** The same with an ECDSA certificate. Suites without forward secrecy gain it. */
const likeOurs = (suite: string) =>
  suite.startsWith("TLS_")
    ? suite
    : suite.replace(/^(ECDHE-(RSA|ECDSA)-|DHE-RSA-|ECDHE-(?=ARIA)|)/, "ECDHE-ECDSA-");
