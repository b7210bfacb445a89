/** The TLS stacks of a running process: which of the files that it has mapped have sites. */

import type { Site } from "./site.js";

export interface StackFile {
  /** Names the file: what is learned of it is kept by that. */
  readonly key: string;
  /** At least one. */
  readonly sites: readonly Site[];
  /**
   * A descriptor of the very file that the process has mapped, for reading; who calls it closes it.
   *
   * @throws Error when the file can be opened no more.
   */
  openFile(): number;
}

export type Stacks =
  | {
      readonly kind: "known";
      readonly files: readonly StackFile[];
      /** Other files of the process are being searched: the same question, answered when that is done. */
      readonly more?: Promise<Stacks>;
    }
  /** Never rejects, nor does `more`. */
  | { readonly kind: "searching"; readonly done: Promise<Stacks> }
  /** No stack whose secrets can be read. `reason` is for people. */
  | { readonly kind: "none"; readonly reason: string };

export interface StackFinder {
  /** Answers at once. `startTime` as in ProcessInfo: with the pid it names a process for good. */
  sitesOf(pid: number, startTime: number): Stacks;
}
