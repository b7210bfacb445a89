/** The client of a connection, as used by the verdict. */

import type { AppMatch, Owner } from "../../connection/client.js";

/** Whether a program would accept a certificate of our CA, with the evidence in one sentence. */
export interface Trust {
  readonly kind: "trusts" | "distrusts" | "unknown";
  readonly evidence: string;
}

/** The key of learned facts: user, executable, script and trust-relevant environment, never the path alone. */
export interface ClientProgram {
  /** Equal for equal programs; reveals nothing about what it was made from. */
  readonly key: string;
  /** For display. */
  readonly name: string;
  readonly trust: Trust;
  /** False when a relevant input could not be read in time: the program is then not tried. */
  readonly isWhole: boolean;
  /** Changes with the stores that the program uses: what was learned about it is void then. */
  readonly trustInputs: string;
  /** What to set so that this very program trusts our certificate: one sentence without a period. */
  readonly advice: string;
}

export interface KnownClient {
  readonly owner: Owner;
  readonly app?: AppMatch;
  /** Absent when the program could not be determined: it is then never tried. */
  readonly program?: ClientProgram;
}

/** The process of a client, by pid and start time; undefined when unknown. */
export function processKey({ owner }: KnownClient): string | undefined {
  return owner.kind === "process" ? `${owner.process.pid}:${owner.process.startTime ?? ""}` : undefined;
}
