/** The environment variables that make runtimes with their own roots trust our CA too. */

import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { systemRoots } from "../certificates/roots.js";
import { makeFolder } from "../make-folder.js";
import { STORE_SETTLES_MS } from "./predict.js";
import { replaceFile } from "./user-file.js";

/** System roots and ours in one file: most of these variables replace the whole store. */
export const TRUST_BUNDLE_FILE = "oximy-trust-bundle.pem";

/** Variables that add certificates to what the runtime trusts. */
const ADDING = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"] as const;

/** Variables that replace what the runtime trusts, and those that the same programs use as a fallback. */
const REPLACING: Readonly<Record<string, readonly string[]>> = {
  SSL_CERT_FILE: [], // OpenSSL, Go, httpx, rustls-native-certs
  CURL_CA_BUNDLE: ["SSL_CERT_FILE"],
  REQUESTS_CA_BUNDLE: ["CURL_CA_BUNDLE"], // Python requests
  GIT_SSL_CAINFO: [],
  CARGO_HTTP_CAINFO: ["SSL_CERT_FILE"],
  AWS_CA_BUNDLE: ["REQUESTS_CA_BUNDLE"],
  CODEX_CA_CERTIFICATE: ["SSL_CERT_FILE"], // Codex CLI
};

/** Larger than any list of roots. */
const LARGEST = 4 << 20;

/** Our certificates, if there are two: for variables that name one file. */
export const BOTH_CERTIFICATES_FILE = "machine-and-own-oximy-ca-cert.pem";

/** Writes the combined file next to the CA and returns its path. */
export function writeTrustBundle(certificatePath: string, certificatePem: string): string {
  return keepFile(join(dirname(certificatePath), TRUST_BUNDLE_FILE), withRoots(certificatePem));
}

/** A certificate of ours: its file and the text in it. */
interface OurCertificate {
  readonly path: string;
  readonly pem: string;
}

/** Writes the files for the variables, for several certificates; `certificates` is the file with ours alone. */
export function writeTrustFiles(
  folder: string,
  ours: readonly OurCertificate[],
): { readonly certificates: string; readonly bundle: string } {
  makeFolder(folder);
  const pem = joined(ours);
  const bundle = keepFile(join(folder, TRUST_BUNDLE_FILE), withRoots(pem));
  const [only, ...others] = ours;
  const certificates =
    only !== undefined && others.length === 0
      ? only.path
      : keepFile(join(folder, BOTH_CERTIFICATES_FILE), pem);
  return { certificates, bundle };
}

const withRoots = (pem: string) => `${systemRoots().join("\n")}\n${pem}`;

const joined = (ours: readonly OurCertificate[]) => ours.map(({ pem }) => `${pem.trim()}\n`).join("");

export function trustEnvironment(certificatePath: string, trustBundlePath: string): Record<string, string> {
  return {
    ...Object.fromEntries(ADDING.map((name) => [name, certificatePath])),
    ...Object.fromEntries(Object.keys(REPLACING).map((name) => [name, trustBundlePath])),
  };
}

/**
 * Writes them for a command whose environment already names roots, such as a company's: those are kept, in a file with
 * ours. A variable that replaces the list and names an unreadable file is left unchanged.
 * @param folder where the files are written
 */
export function trustEnvironmentOver(
  env: NodeJS.ProcessEnv,
  folder: string,
  ours: readonly OurCertificate[],
): Record<string, string> {
  const { certificates, bundle } = writeTrustFiles(folder, ours);
  const withOurs = (path: string): string | undefined => {
    const own = readOwn(path);
    if (own === undefined) return undefined;
    if (ours.every(({ pem }) => own.includes(pem.trim()))) return path;
    const both = `${own.trimEnd()}\n${joined(ours)}`;
    const hash = createHash("sha256").update(both).digest("hex").slice(0, 16);
    return keepFile(join(folder, `oximy-trust-${hash}.pem`), both);
  };
  const variables = trustEnvironment(certificates, bundle);
  for (const name of ADDING) variables[name] = (env[name] && withOurs(env[name])) || certificates;
  for (const [name, others] of Object.entries(REPLACING)) {
    const own = [name, ...others].map((one) => env[one]).find(Boolean);
    if (own) variables[name] = withOurs(own) ?? own;
  }
  return variables;
}

/**
 * Waits until the newest of these files is old enough that a program started then is known to have read its current
 * content: a tenth of a second, after the first time.
 */
export async function untilSettled(paths: Iterable<string>): Promise<void> {
  const changes = [...new Set(paths)].map((path) => statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0);
  // A file's time is that of the kernel's last tick, a process's start is in hundredths of a second.
  const left = Math.max(...changes) + STORE_SETTLES_MS + TICK_MS - Date.now();
  if (left > 0) await setTimeout(Math.min(left, STORE_SETTLES_MS + TICK_MS));
}

const TICK_MS = 20;

/** An unchanged file keeps its time, which shows that programs have read it. */
function keepFile(path: string, text: string): string {
  if (readOwn(path) !== text) replaceFile(path, text);
  return path;
}

function readOwn(path: string): string | undefined {
  try {
    const stats = statSync(path);
    return stats.isFile() && stats.size <= LARGEST ? readFileSync(path, "utf8") : undefined;
  } catch {
    return undefined;
  }
}

/** Variables that set an explicit proxy. Both cases are in use; curl reads only lower-case `http_proxy`. */
export function proxyEnvironment(port: number): Record<string, string> {
  const url = `http://127.0.0.1:${port}`;
  const names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
  return {
    ...Object.fromEntries(names.map((name) => [name, url])),
    // Node 24 and newer use the variables only if this is set.
    NODE_USE_ENV_PROXY: "1",
  };
}
