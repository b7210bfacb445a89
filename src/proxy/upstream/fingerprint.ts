/** The shape of a client's hello, expressed as options that make OpenSSL send a similar one. */

import { createHash } from "node:crypto";
import { createSecureContext, type SecureContextOptions, type SecureVersion } from "node:tls";
import type { ClientHello } from "../verdict/client-hello.js";
import { CIPHER_NAMES, GROUP_NAMES, SIGNALLING_SUITES, SIGNATURE_NAMES } from "./fingerprint-names.js";

export interface TlsFingerprint {
  /** For `createSecureContext`; what is absent stays at Node's default. */
  readonly context: SecureContextOptions;
  /** Request the server's OCSP response (`requestOCSP` of `tls.connect`). */
  readonly requestsOcsp: boolean;
  /** Whether everything that the client offers for the handshake itself can be offered. */
  readonly fidelity: "whole" | "partial";
  /** Equal for equal contexts. */
  readonly contextKey: string;
  /** Equal for equal shapes. */
  readonly key: string;
}

const TLS_1_2 = 0x0303;
const VERSIONS: ReadonlyMap<number, SecureVersion> = new Map([
  [0x0301, "TLSv1"],
  [0x0302, "TLSv1.1"],
  [TLS_1_2, "TLSv1.2"],
  [0x0304, "TLSv1.3"],
] as const);

/** An extension that OpenSSL sends by default, and the option (openssl/ssl.h) that disables it. */
const OMITTED: ReadonlyArray<readonly [extension: number, option: number]> = [
  [22, 1 << 19], // encrypt_then_mac, SSL_OP_NO_ENCRYPT_THEN_MAC
  [23, 1 << 0], // extended_master_secret, SSL_OP_NO_EXTENDED_MASTER_SECRET
  [35, 1 << 14], // session_ticket, SSL_OP_NO_TICKET
];
/** padding (RFC 7685), SSL_OP_TLSEXT_PADDING: sent when the hello's length requires it. */
const PADDING = [21, 1 << 4] as const;
const STATUS_REQUEST = 5;

const probed = new Map<string, boolean>();

/** Whether this Node's OpenSSL knows that name: an unknown one invalidates the whole list. */
function isKnown(option: "ecdhCurve" | "sigalgs", name: string): boolean {
  let known = probed.get(name);
  if (known === undefined) {
    try {
      createSecureContext({ ca: [], [option]: name });
      known = true;
    } catch {
      known = false;
    }
    probed.set(name, known);
  }
  return known;
}

const named = (numbers: readonly number[], names: ReadonlyMap<number, string>) =>
  [...new Set(numbers)].flatMap((number) => names.get(number) ?? []);

/** The lowest version is 1.2, whatever else the client offers, unless it supports nothing better. */
function versionRange(offered: readonly number[]): Pick<SecureContextOptions, "minVersion" | "maxVersion"> {
  const best = Math.max(...offered.filter((version) => VERSIONS.has(version)));
  const maxVersion = VERSIONS.get(best);
  if (!maxVersion) return {};
  const lowest = Math.min(...offered.filter((version) => version >= TLS_1_2 && VERSIONS.has(version)));
  return { minVersion: VERSIONS.get(lowest) ?? "TLSv1", maxVersion };
}

function secureOptions(extensions: readonly number[]): number {
  const omitted = OMITTED.filter(([extension]) => !extensions.includes(extension));
  const options = omitted.reduce((bits, [, option]) => bits | option, 0);
  return extensions.includes(PADDING[0]) ? options | PADDING[1] : options;
}

/**
 * Cipher suites, groups, signature algorithms and versions of the client in its order, and the extensions that Node
 * can omit. Not possible with Node: the order of extensions, GREASE, and whatever OpenSSL does not know
 * (docs/tls-fingerprint.md).
 */
export function fingerprintOf(hello: ClientHello): TlsFingerprint {
  const suites = hello.cipherSuites.filter((suite) => !SIGNALLING_SUITES.has(suite));
  const ciphers = named(suites, CIPHER_NAMES);
  const groups = named(hello.groups, GROUP_NAMES).filter((name) => isKnown("ecdhCurve", name));
  const signatures = named(hello.signatureAlgorithms, SIGNATURE_NAMES).filter((name) =>
    isKnown("sigalgs", name),
  );
  const versions = versionRange(hello.versions);
  // OpenSSL 3 has TLS 1.0 and 1.1 only at its lowest security level.
  const old = versions.minVersion === "TLSv1" ? ["@SECLEVEL=0"] : [];
  const context: SecureContextOptions = {
    ...versions,
    ...(ciphers.length > 0 ? { ciphers: [...ciphers, ...old].join(":") } : {}),
    ...(groups.length > 0 ? { ecdhCurve: groups.join(":") } : {}),
    ...(signatures.length > 0 ? { sigalgs: signatures.join(":") } : {}),
    secureOptions: secureOptions(hello.extensions),
  };
  const whole =
    ciphers.length === new Set(suites).size &&
    groups.length === new Set(hello.groups).size &&
    signatures.length === new Set(hello.signatureAlgorithms).size;
  const requestsOcsp = hello.extensions.includes(STATUS_REQUEST);
  const fidelity = whole ? "whole" : "partial";
  const contextKey = createHash("sha256").update(JSON.stringify(context)).digest("base64");
  return { context, requestsOcsp, fidelity, contextKey, key: `${contextKey} ${fidelity} ${requestsOcsp}` };
}
