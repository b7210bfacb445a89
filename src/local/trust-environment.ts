/** The environment variables by which runtimes that bring roots of their own are told to trust our CA too. */

import { chmodSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemRoots } from "../proxy/roots.js";

/** System roots and ours in one file: most of these variables replace the whole store. */
export const TRUST_BUNDLE_FILE = "oximy-trust-bundle.pem";

/** Variables that add a certificate to what the runtime trusts. */
const ADDING = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"] as const;

/** Variables that replace what the runtime trusts. */
const REPLACING = [
  "SSL_CERT_FILE", // OpenSSL, Go, httpx, rustls-native-certs
  "CURL_CA_BUNDLE",
  "REQUESTS_CA_BUNDLE", // Python requests
  "GIT_SSL_CAINFO",
  "CARGO_HTTP_CAINFO",
  "AWS_CA_BUNDLE",
  "CODEX_CA_CERTIFICATE", // Codex CLI
] as const;

/** Writes the combined file beside the CA and returns its path. */
export function writeTrustBundle(certificatePath: string, certificatePem: string): string {
  const path = join(dirname(certificatePath), TRUST_BUNDLE_FILE);
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${systemRoots().join("\n")}\n${certificatePem}`, { mode: 0o644 });
  chmodSync(temporary, 0o644);
  renameSync(temporary, path);
  return path;
}

export function trustEnvironment(certificatePath: string, trustBundlePath: string): Record<string, string> {
  return {
    ...Object.fromEntries(ADDING.map((name) => [name, certificatePath])),
    ...Object.fromEntries(REPLACING.map((name) => [name, trustBundlePath])),
  };
}

/** Variables by which programs find an explicit proxy. Both cases are in use; curl reads only lower-case `http_proxy`. */
export function proxyEnvironment(port: number): Record<string, string> {
  const url = `http://127.0.0.1:${port}`;
  const names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
  return {
    ...Object.fromEntries(names.map((name) => [name, url])),
    // Node 24 and newer only look at the variables when told to.
    NODE_USE_ENV_PROXY: "1",
  };
}
