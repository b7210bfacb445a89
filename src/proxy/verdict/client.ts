/** The client of a connection, as the verdict needs it. */

import type { AppMatch, Owner } from "../../connection/client.js";

/** Whether a program would accept a certificate of our CA, with the evidence in one sentence. */
export interface Trust {
  readonly kind: "trusts" | "distrusts" | "unknown";
  readonly evidence: string;
}

/** What learned facts are keyed by: user, executable, script and trust-relevant environment, never the path alone. */
export interface ClientProgram {
  /** Equal for equal programs; tells nothing of what it was made of. */
  readonly key: string;
  /** For people. */
  readonly name: string;
  readonly trust: Trust;
  /** False when something that counts could not be read in time: a program is not tried for that. */
  readonly isWhole: boolean;
  /** Changes with the stores that the program looks into: what was learned of it is void then. */
  readonly trustInputs: string;
  /** What to set so that this very program trusts our certificate: one sentence without its end. */
  readonly advice: string;
}

export interface KnownClient {
  readonly owner: Owner;
  readonly app?: AppMatch;
  /** Absent when it could not be told which program it is: it is then never tried. */
  readonly program?: ClientProgram;
}

/** The process behind a client, by pid and start time; undefined when it is not known. */
export function processKey({ owner }: KnownClient): string | undefined {
  return owner.kind === "process" ? `${owner.process.pid}:${owner.process.startTime ?? ""}` : undefined;
}
