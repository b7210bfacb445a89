/** How to make a program trust our certificate, in one line for its very runtime. */

import { type Runtime, runtimeOf } from "./runtime.js";

const variable = (name: string, certificate: string) => `start it with ${name}=${certificate}`;
const environment = (names: string) => `start it after eval "$(oximy env)", which sets ${names}`;
const INSTALL = "run: sudo oximy ca install (then restart it)";

/**
 * One sentence without a period. Facts from each runtime's own documentation and from docs/trust.md, whose rows were
 * measured.
 * @param certificate path of the file
 */
export function adviceFor(runtime: Runtime, certificate: string): string {
  switch (runtime) {
    case "node":
      return variable("NODE_EXTRA_CA_CERTS", certificate);
    case "electron":
      return `run: sudo oximy ca install, and ${variable("NODE_EXTRA_CA_CERTS", certificate)}`;
    case "bun":
      return `run: sudo oximy ca install, or ${variable("NODE_EXTRA_CA_CERTS", certificate)}`;
    case "deno":
      return variable("DENO_CERT", certificate);
    case "codex":
      return `run: sudo oximy ca install, or ${variable("CODEX_CA_CERTIFICATE", certificate)}`;
    case "python":
      return environment("SSL_CERT_FILE and REQUESTS_CA_BUNDLE");
    case "cargo":
      return environment("CARGO_HTTP_CAINFO");
    case "curl":
      return `run: sudo oximy ca install, or ${environment("CURL_CA_BUNDLE")}`;
    case "git":
      return `run: sudo oximy ca install, or ${environment("GIT_SSL_CAINFO")}`;
    case "wget":
    case "java":
    case "chromium":
    case "firefox":
      return INSTALL;
    case "go":
    case "ruby":
    case "php":
    case "perl":
    case "dotnet":
    case "openssl":
      return `run: sudo oximy ca install, or ${environment("SSL_CERT_FILE")}`;
    case "gnutls":
    case "nss":
    case "unknown":
      return 'start it after eval "$(oximy env)", or make the system trust it: sudo oximy ca install';
  }
}

/** For an app that pins: nothing can be set. */
export const PINNED_ADVICE = "it accepts only its vendor's certificates: only its connections can be seen";

/** The same where only the executable's path is known. */
export function adviceForPath(path: string, certificate: string): string {
  return adviceFor(runtimeOf({ path, sections: new Set(), beside: new Set(), mapped: [] }), certificate);
}
