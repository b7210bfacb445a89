/** The TLS stacks of a running process: the mapped files that have sites. */

import type { Site } from "./site.js";

export interface StackFile {
  /** Identifies the file; facts learned about it are cached under this key. */
  readonly key: string;
  /** At least one. */
  readonly sites: readonly Site[];
  /**
   * Opens the very file the process has mapped, for reading; the caller closes the descriptor.
   *
   * @throws Error when the file can no longer be opened.
   */
  openFile(): number;
}

export type Stacks =
  | {
      readonly kind: "known";
      readonly files: readonly StackFile[];
      /** Other files of the process are being searched: resolves to the updated result when that is done. */
      readonly more?: Promise<Stacks>;
    }
  /** Never rejects, nor does `more`. */
  | { readonly kind: "searching"; readonly done: Promise<Stacks> }
  /** No stack whose secrets can be read. `reason` is for display. */
  | { readonly kind: "none"; readonly reason: string };

export interface StackFinder {
  /** Returns immediately. `startTime` as in ProcessInfo: together with the pid it identifies a process uniquely. */
  sitesOf(pid: number, startTime: number): Stacks;
}
