/** The variables by which a command and its descendants are told where their key log is. */

import type { KeyLogMeans } from "./key-log-runtimes.js";

export interface KeyLogEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  /** What is told by them. */
  readonly means: ReadonlySet<KeyLogMeans>;
}

/**
 * A key log that the user asked for himself stays his. Node is told by a variable that only what we preload into it reads
 * (scripts/node-tunnel.cjs): its own `--tls-keylog` warns on standard error, and loses what a process that exits right
 * after its answer has not written by then.
 */
export function keyLogEnvironment(path: string, env: NodeJS.ProcessEnv): KeyLogEnvironment {
  const means: KeyLogMeans[] = env.SSLKEYLOGFILE
    ? ["OXIMY_RUN_KEY_LOG"]
    : ["OXIMY_RUN_KEY_LOG", "SSLKEYLOGFILE"];
  return { variables: Object.fromEntries(means.map((name) => [name, path])), means: new Set(means) };
}
