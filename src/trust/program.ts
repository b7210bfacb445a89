/** The program of a process, with regard to trust: what is learned is stored by program, never by interpreter. */

import { createHash } from "node:crypto";
import type { Trust } from "./predict.js";
import type { Runtime } from "./runtime.js";
import type { Environment } from "./trust-variables.js";

export interface Program {
  /**
   * SHA-256 in hexadecimal over user, container image, executable (device, inode, size, times: not its path), script
   * and the variables relevant to trust. Equal for all processes of the program; different after an upgrade, or with a
   * variable set.
   */
  readonly key: string;
  /**
   * SHA-256 over `key` and the contents of the places that the program uses: when it changes, what a trial has taught
   * no longer holds.
   */
  readonly trustInputs: string;
  /** For display: the script if an interpreter runs one, else the executable's name. */
  readonly name: string;
  readonly runtime: Runtime;
  readonly trust: Trust;
  /** False when a relevant input could not be read in time: then `unknown` is not conclusive. */
  readonly isWhole: boolean;
  /** What to set for this very runtime, one sentence without a period. */
  readonly advice: string;
}

export interface ProgramParts {
  readonly uid: number;
  /** The image of its container, else the container's id: what is learned there applies nowhere else. */
  readonly image?: string;
  /** Identifies the executable's content. */
  readonly executable: string;
  /** Real path of the script, or its name where it has none (a module). */
  readonly script?: string;
  readonly environment: Environment;
}

export function programKey({ uid, image, executable, script, environment }: ProgramParts): string {
  const variables = Object.entries(environment).sort(([one], [other]) => (one < other ? -1 : 1));
  const parts = [uid, executable, script ?? null, variables];
  return sha256(image === undefined ? parts : [...parts, { image }]);
}

/** Hashes a value as JSON, so that different values have different texts. */
export function sha256(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
