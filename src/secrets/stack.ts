/** The TLS stacks of a running process: which of the files that it has mapped have sites. */

import type { Site } from "./site.js";

export interface StackFile {
  /** Names the file's content on this machine: what is learned of the file is kept by it. */
  readonly key: string;
  /** At least one. */
  readonly sites: readonly Site[];
  /**
   * A descriptor of the very file that the process has mapped, for reading; who calls it closes it.
   *
   * @throws Error when the process has ended, or has the file mapped no more.
   */
  open(): number;
}

export type FoundStack =
  | { readonly kind: "known"; readonly files: readonly StackFile[] }
  /** No stack whose secrets can be read. `reason` is for people. */
  | { readonly kind: "none"; readonly reason: string };

export type Stack =
  | FoundStack
  /** `done` never rejects. */
  | { readonly kind: "searching"; readonly done: Promise<FoundStack> };

export interface StackFinder {
  /** Answers at once. `startTime` as in ProcessInfo: with the pid it names a process for good. */
  sitesOf(pid: number, startTime: number): Stack;
}
