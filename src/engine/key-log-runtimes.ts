/** Which programs write their TLS secrets to a key log named in their environment. */

import { type Runtime, runtimeOfExecutable } from "../trust/runtime.js";

/** Variables that name a program's key log. */
export type KeyLogMeans = "SSLKEYLOGFILE" | "OXIMY_RUN_KEY_LOG";

/**
 * Tested with each of them (docs/run.md has the table). A runtime that is not listed counts as one that does not log,
 * until it was seen to.
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

/** Tested too: these never write a key log. */
const SILENT: ReadonlySet<Runtime> = new Set<Runtime>(["bun", "go", "codex", "java"]);

const NONE: ReadonlySet<string> = new Set();

/**
 * By the executable's name, since other evidence differs between systems. `unknown` is a runtime that was not tested.
 */
export function keyLogMeans(path: string): KeyLogMeans | "none" | "unknown" {
  const runtime = runtimeOfExecutable({ path, sections: NONE, beside: NONE });
  if (runtime === undefined) return "unknown";
  return MEANS[runtime] ?? (SILENT.has(runtime) ? "none" : "unknown");
}
