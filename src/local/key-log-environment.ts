/** The variables by which a command and its descendants are told where their key log is. */

import type { KeyLogMeans } from "./key-log-runtimes.js";

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
    // First, so that it holds whatever an unfinished quotation mark at the end of the user's own would do to it.
    variables.NODE_OPTIONS = `${quoted(`--tls-keylog=${path}`)} ${options}`.trimEnd();
    means.add("--tls-keylog");
  }
  return { variables, means };
}

/** As Node reads NODE_OPTIONS: words by spaces, double quotation marks around, `\` before what means itself. */
function quoted(option: string): string {
  return /[\s"\\]/.test(option) ? `"${option.replace(/["\\]/g, "\\$&")}"` : option;
}
