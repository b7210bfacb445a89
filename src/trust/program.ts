/** What a process runs, as far as trust goes: what is learned of trust is kept by program, never by interpreter. */

import { createHash } from "node:crypto";
import type { Trust } from "./predict.js";
import type { Runtime } from "./runtime.js";
import type { Environment } from "./trust-variables.js";

export interface Program {
  /**
   * SHA-256 in hexadecimal over user, container image, executable (device, inode, size, times: not its path), script and
   * the variables that count for trust. The same for every process of the program; another after an upgrade, or with a variable set.
   */
  readonly key: string;
  /**
   * SHA-256 over `key` and what the places hold that the program looks into: when it changes, what was learned by a
   * trial no longer holds.
   */
  readonly trustInputs: string;
  /** For people: the script where an interpreter runs one, else the executable's name. */
  readonly name: string;
  readonly runtime: Runtime;
  readonly trust: Trust;
  /** False when something that counts could not be read in time: then nothing is to be concluded from `unknown`. */
  readonly isWhole: boolean;
  /** What to set for this very runtime, one sentence without its end. */
  readonly advice: string;
}

export interface ProgramParts {
  readonly uid: number;
  /** The image of the container that it runs in, else the container's id: what is learned there counts nowhere else. */
  readonly image?: string;
  /** Names the executable's content. */
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

/** Of a value as JSON, so that no two values run into each other. */
export function sha256(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
