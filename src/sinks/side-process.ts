/** Processes that do something beside the capture, for whose end nobody waits. */

import type { ChildProcess } from "node:child_process";

const LONGEST_COMPLAINT = 1_000;

/** It keeps no process alive. */
export function unreferenced(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr]) {
    (stream as unknown as { unref?: () => void } | null)?.unref?.();
  }
}

/** Gathers what it says on standard error, and answers what that was when it has ended. */
export function complaintOf(child: ChildProcess): (code: number | null) => string {
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(0, LONGEST_COMPLAINT);
  });
  return (code) => complaint.trim() || `it ended with ${code}`;
}
