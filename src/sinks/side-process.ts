/** Background processes of the capture, which do not keep it alive. */

import type { ChildProcess } from "node:child_process";

const LONGEST_FAILURE = 1_000;

/** Neither the child nor its pipes keep the event loop alive. */
export function unreferenced(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr]) {
    (stream as unknown as { unref?: () => void } | null)?.unref?.();
  }
}

/** Collects standard error; the returned function gives it, or how the process ended, as the reason of a failure. */
export function failureOf(child: ChildProcess): () => string {
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output = (output + text).slice(0, LONGEST_FAILURE);
  });
  return () =>
    output.trim() ||
    (child.signalCode === null
      ? `it exited with code ${child.exitCode}`
      : `it was killed by ${child.signalCode}`);
}
