/**
 * What programs trust, by runtime, environment and store: each row was measured with a real process, and is measured again
 * by program-rows.test.ts. The table in docs/trust.md is made of it.
 */

import type { Trust } from "../../src/trust/predict.js";

/** What a variable or option is set to: files are made by the lab. */
export type Setting =
  | "ours" // a file with our certificate alone
  | "bundle" // the system's roots and ours
  | "other" // a file with another certificate alone
  | "our folder" // a folder of OpenSSL with our certificate
  | "other folder"
  | { readonly value: string };

export type Store =
  | "none" // our certificate is nowhere
  | "system" // as update-ca-certificates puts it
  | "browser" // in the NSS database of the user, or of the profile
  | "java" // in Java's cacerts
  | "later"; // into the system's store, after the program started

export interface Row {
  /** Key of PROGRAMS in program-lab.ts. */
  readonly program: string;
  readonly store: Store;
  readonly environment?: Readonly<Record<string, Setting>>;
  readonly options?: readonly string[];
  readonly predicted: Trust["kind"];
  /** What really happened: whether it sent a request over a connection with our certificate. */
  readonly accepted: boolean;
}

const row = (
  program: string,
  store: Store,
  environment: Row["environment"] & object,
  predicted: Trust["kind"],
  accepted: boolean,
  options?: readonly string[],
): Row => ({ program, store, environment, predicted, accepted, ...(options && { options }) });

const on = { value: "1" };

/** Node's own list; only a variable or an option adds to it. */
const nodeRows = (program: string, knowsSystem: boolean): Row[] => [
  row(program, "none", {}, "distrusts", false),
  row(program, "system", {}, "distrusts", false),
  row(program, "none", { NODE_EXTRA_CA_CERTS: "ours" }, "trusts", true),
  row(program, "none", { NODE_EXTRA_CA_CERTS: "other" }, "distrusts", false),
  row(program, "none", { SSL_CERT_FILE: "bundle" }, "distrusts", false),
  row(program, "system", { NODE_OPTIONS: { value: "--use-openssl-ca" } }, "trusts", true),
  row(
    program,
    "none",
    { NODE_OPTIONS: { value: "--use-openssl-ca" }, SSL_CERT_FILE: "bundle" },
    "trusts",
    true,
  ),
  row(program, "none", { NODE_OPTIONS: { value: "--use-openssl-ca" } }, "distrusts", false),
  row(program, "system", {}, "trusts", true, ["--use-openssl-ca"]),
  row(program, "system", { NODE_USE_SYSTEM_CA: on }, knowsSystem ? "trusts" : "distrusts", knowsSystem),
  ...(knowsSystem ? [row(program, "system", {}, "trusts", true, ["--use-system-ca"])] : []),
  row(program, "none", { NODE_TLS_REJECT_UNAUTHORIZED: { value: "0" } }, "trusts", true),
];

const bunRows = (program: string): Row[] => [
  row(program, "none", {}, "distrusts", false),
  row(program, "system", {}, "trusts", true),
  row(program, "none", { NODE_EXTRA_CA_CERTS: "ours" }, "trusts", true),
  row(program, "none", { SSL_CERT_FILE: "bundle" }, "trusts", true),
  row(program, "system", { SSL_CERT_FILE: "other", SSL_CERT_DIR: "other folder" }, "distrusts", false),
];

const pythonRows = (
  program: string,
  accepts: { system: boolean; ssl: boolean; requests: boolean },
): Row[] => [
  row(program, "none", {}, "distrusts", false),
  row(program, "system", {}, "unknown", accepts.system),
  row(program, "none", { SSL_CERT_FILE: "bundle" }, "unknown", accepts.ssl),
  row(program, "none", { REQUESTS_CA_BUNDLE: "bundle" }, "unknown", accepts.requests),
  row(program, "none", { SSL_CERT_FILE: "bundle", REQUESTS_CA_BUNDLE: "bundle" }, "trusts", true),
  row(program, "none", { SSL_CERT_FILE: "other", REQUESTS_CA_BUNDLE: "other" }, "distrusts", false),
];

export const ROWS: readonly Row[] = [
  row("curl", "none", {}, "distrusts", false),
  row("curl", "system", {}, "trusts", true),
  row("curl", "none", { CURL_CA_BUNDLE: "bundle" }, "trusts", true),
  row("curl", "none", { SSL_CERT_FILE: "bundle" }, "trusts", true),
  row("curl", "none", { SSL_CERT_DIR: "our folder" }, "trusts", true),
  row("curl", "none", { CURL_CA_BUNDLE: "other", SSL_CERT_FILE: "bundle" }, "distrusts", false),
  row("curl", "system", { SSL_CERT_DIR: "other folder" }, "trusts", true),
  row("curl", "system", { SSL_CERT_FILE: "other", SSL_CERT_DIR: "other folder" }, "unknown", true),
  row("curl", "none", { SSL_CERT_FILE: "bundle", SSL_CERT_DIR: "other folder" }, "unknown", false),
  row("curl", "system", { CURL_CA_BUNDLE: "other" }, "trusts", true),
  row("curl", "none", {}, "trusts", true, ["-k"]),
  row("wget", "none", {}, "distrusts", false),
  row("wget", "system", {}, "trusts", true),
  row("wget", "none", { SSL_CERT_FILE: "bundle" }, "distrusts", false),
  row("git", "none", {}, "distrusts", false),
  row("git", "system", {}, "trusts", true),
  row("git", "none", { GIT_SSL_CAINFO: "bundle" }, "trusts", true),
  row("git", "system", { GIT_SSL_CAINFO: "other" }, "trusts", true),
  row("git", "none", { GIT_SSL_NO_VERIFY: on }, "trusts", true),
  ...pythonRows("python urllib", { system: true, ssl: true, requests: false }),
  ...pythonRows("python requests", { system: true, ssl: false, requests: true }),
  ...pythonRows("python httpx", { system: true, ssl: true, requests: false }),
  ...pythonRows("python aiohttp", { system: true, ssl: true, requests: false }),
  ...nodeRows("node 20", false),
  ...nodeRows("node 22", true),
  ...nodeRows("node 24", true),
  ...nodeRows("node 26", true),
  ...bunRows("bun 1.2"),
  ...bunRows("bun 1.3"),
  ...bunRows("bun 1.4"),
  row("deno", "none", {}, "distrusts", false),
  row("deno", "system", {}, "distrusts", false),
  row("deno", "none", { DENO_CERT: "ours" }, "trusts", true),
  row("deno", "none", { NODE_EXTRA_CA_CERTS: "ours" }, "trusts", true),
  row("deno", "system", { DENO_TLS_CA_STORE: { value: "system" } }, "trusts", true),
  row("deno", "none", { SSL_CERT_FILE: "bundle" }, "distrusts", false),
  row("deno", "none", { DENO_TLS_CA_STORE: { value: "system" }, SSL_CERT_FILE: "bundle" }, "trusts", true),
  row("go", "none", {}, "distrusts", false),
  row("go", "system", {}, "trusts", true),
  row("go", "none", { SSL_CERT_FILE: "bundle" }, "trusts", true),
  row("go", "system", { SSL_CERT_FILE: "other", SSL_CERT_DIR: "other folder" }, "distrusts", false),
  row("go", "none", { SSL_CERT_DIR: "our folder" }, "trusts", true),
  row("go", "later", {}, "unknown", true),
  row("ruby", "none", {}, "distrusts", false),
  row("ruby", "system", {}, "trusts", true),
  row("ruby", "none", { SSL_CERT_FILE: "bundle" }, "trusts", true),
  row("php", "none", {}, "distrusts", false),
  row("php", "system", {}, "trusts", true),
  row("php", "none", { SSL_CERT_FILE: "bundle" }, "unknown", true),
  row("php curl", "none", {}, "distrusts", false),
  row("php curl", "system", {}, "trusts", true),
  row("php curl", "none", { SSL_CERT_FILE: "bundle" }, "unknown", false),
  row("perl", "none", {}, "distrusts", false),
  row("perl", "system", {}, "unknown", true),
  row("java", "none", {}, "distrusts", false),
  row("java", "system", {}, "distrusts", false),
  row("java", "java", {}, "trusts", true),
  row("chromium", "none", {}, "distrusts", false),
  row("chromium", "system", {}, "distrusts", false),
  row("chromium", "browser", {}, "trusts", true),
  row("firefox", "none", {}, "distrusts", false),
  row("firefox", "system", {}, "distrusts", false),
  // It writes its database when it starts: since when our certificate is in it cannot be told.
  row("firefox", "browser", {}, "unknown", true),
  row("codex", "none", {}, "distrusts", false),
  row("codex", "system", {}, "trusts", true),
  row("codex", "none", { SSL_CERT_FILE: "bundle" }, "trusts", true),
  row("codex", "none", { CODEX_CA_CERTIFICATE: "bundle" }, "trusts", true),
  row("claude", "none", {}, "distrusts", false),
  row("claude", "system", {}, "trusts", true),
  row("claude", "none", { NODE_EXTRA_CA_CERTS: "ours" }, "trusts", true),
];
