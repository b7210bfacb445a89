/** Which programs write their TLS secrets to a key log that their environment names. */

import { type Runtime, runtimeOfExecutable } from "../trust/runtime.js";

/** How a program can be told where its key log is. */
export type KeyLogMeans = "SSLKEYLOGFILE" | "OXIMY_RUN_KEY_LOG";

/**
 * Tried with each of them (docs/run.md has the table). What is not listed is taken for one that does not log, until it
 * was seen to.
 */
const MEANS: { readonly [runtime in Runtime]?: KeyLogMeans } = {
  node: "OXIMY_RUN_KEY_LOG",
  curl: "SSLKEYLOGFILE",
  python: "SSLKEYLOGFILE",
  wget: "SSLKEYLOGFILE",
  git: "SSLKEYLOGFILE",
  deno: "SSLKEYLOGFILE",
  chromium: "SSLKEYLOGFILE",
  firefox: "SSLKEYLOGFILE",
};

/** Tried too: they write none, whatever they are told. */
const SILENT: ReadonlySet<Runtime> = new Set<Runtime>(["bun", "go", "codex", "java"]);

const NONE: ReadonlySet<string> = new Set();

/**
 * By the executable's name: what else there is to look at is the system's, and not the same on all of them. `unknown` is
 * one that was never tried.
 */
export function keyLogMeans(path: string): KeyLogMeans | "none" | "unknown" {
  const runtime = runtimeOfExecutable({ path, sections: NONE, beside: NONE });
  if (runtime === undefined) return "unknown";
  return MEANS[runtime] ?? (SILENT.has(runtime) ? "none" : "unknown");
}
