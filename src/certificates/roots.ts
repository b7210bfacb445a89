/** The roots used to verify upstream servers: the system's, and those added by the environment. */

import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { macRoots } from "./mac-roots.js";

/** Where Linux distributions keep all trusted roots in one PEM file (the list of Go's crypto/x509). */
const SYSTEM_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

const PEM = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g;

function readPems(path: string): string[] {
  try {
    return readFileSync(path, "latin1").match(PEM) ?? [];
  } catch {
    return []; // absent on this distribution
  }
}

/**
 * PEM certificates. `SSL_CERT_FILE` replaces the system's, as it does for OpenSSL; `NODE_EXTRA_CA_CERTS` adds
 * to them; Node's own list is the fallback when the system has none.
 */
export function systemRoots(env: NodeJS.ProcessEnv = process.env, platform = process.platform): string[] {
  const system = env.SSL_CERT_FILE
    ? readPems(env.SSL_CERT_FILE)
    : platform === "darwin"
      ? macRoots()
      : (SYSTEM_BUNDLES.map(readPems).find((pems) => pems.length > 0) ?? []);
  const extra = env.NODE_EXTRA_CA_CERTS ? readPems(env.NODE_EXTRA_CA_CERTS) : [];
  return [...new Set([...(system.length > 0 ? system : rootCertificates), ...extra])];
}
