/** The variables by which a command and its descendants are told where their key log is. */

import type { KeyLogMeans } from "./key-log-runtimes.js";
import { withNodeOption } from "./node-options.js";

export interface KeyLogEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  /** What is told by them. */
  readonly means: ReadonlySet<KeyLogMeans>;
}

/** A key log that the user asked for himself stays his. */
export function keyLogEnvironment(path: string, env: NodeJS.ProcessEnv): KeyLogEnvironment {
  const variables: Record<string, string> = {};
  const means = new Set<KeyLogMeans>();
  if (!env.SSLKEYLOGFILE) {
    variables.SSLKEYLOGFILE = path;
    means.add("SSLKEYLOGFILE");
  }
  const options = env.NODE_OPTIONS ?? "";
  if (!/(?:^|[\s"])--tls-keylog(?:[\s="]|$)/.test(options)) {
    variables.NODE_OPTIONS = withNodeOption(`--tls-keylog=${path}`, options);
    means.add("--tls-keylog");
  }
  return { variables, means };
}
