/** The environment variables that make a command and its descendants write a key log. */

import type { KeyLogMeans } from "./key-log-runtimes.js";

export interface KeyLogEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  /** The variables that are set. */
  readonly means: ReadonlySet<KeyLogMeans>;
}

/**
 * A key log that the user configured is left as it is. For Node, the path is in a variable that only our preloaded
 * script reads (scripts/node-tunnel.cjs): Node's own `--tls-keylog` warns on standard error, and loses entries of a
 * process that exits right after its response.
 */
export function keyLogEnvironment(path: string, env: NodeJS.ProcessEnv): KeyLogEnvironment {
  const means: KeyLogMeans[] = env.SSLKEYLOGFILE
    ? ["OXIMY_RUN_KEY_LOG"]
    : ["OXIMY_RUN_KEY_LOG", "SSLKEYLOGFILE"];
  return { variables: Object.fromEntries(means.map((name) => [name, path])), means: new Set(means) };
}
