/** What to set for a program that brings roots of its own and so does not trust our certificate. */

import type { ProcessIdentity } from "../attribution/client.js";

interface Runtime {
  /** Executable basenames. */
  readonly names: RegExp;
  readonly advice: (certificate: string) => string;
}

const variable = (name: string) => (certificate: string) => `start it with ${name}=${certificate}`;

/** Facts from each runtime's own documentation; docs/trust.md has the table with the sources. */
const RUNTIMES: readonly Runtime[] = [
  { names: /^(node|nodejs|bun|claude|electron)$/, advice: variable("NODE_EXTRA_CA_CERTS") },
  { names: /^deno$/, advice: variable("DENO_CERT") },
  { names: /^codex$/, advice: variable("CODEX_CA_CERTIFICATE") },
  {
    names: /^(python[\d.]*|pypy[\d.]*|uv|aider)$/,
    advice: () => 'start it after eval "$(oximy env)", which sets SSL_CERT_FILE and REQUESTS_CA_BUNDLE',
  },
  {
    names: /^(curl|wget)$/,
    advice: () => 'start it after eval "$(oximy env)", which sets CURL_CA_BUNDLE and SSL_CERT_FILE',
  },
  {
    names: /^git(-remote-https?)?$/,
    advice: () => 'start it after eval "$(oximy env)", which sets GIT_SSL_CAINFO',
  },
  { names: /^cargo$/, advice: () => 'start it after eval "$(oximy env)", which sets CARGO_HTTP_CAINFO' },
  {
    // Their stores are the user's or the runtime's own: `ca install` knows them.
    names:
      /^(java|firefox|firefox-bin|firefox-esr|thunderbird|librewolf|chrome|google-chrome|chromium|chromium-browser|brave|msedge|opera|vivaldi|comet|cursor|code)$/,
    advice: () => "run: sudo oximy ca install (and start it again)",
  },
];

/** One sentence without its end. */
export function trustAdvice(process: ProcessIdentity | undefined, certificate: string): string {
  const path = process?.path ?? "";
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase() || (process?.name ?? "").toLowerCase();
  const runtime = RUNTIMES.find(({ names }) => names.test(name));
  return runtime
    ? runtime.advice(certificate)
    : 'start it after eval "$(oximy env)", or make the system trust it: sudo oximy ca install';
}
