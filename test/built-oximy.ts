import type { ChildProcess } from "node:child_process";
import { appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The command line as it is built; `npm test` builds it first. Tests that start it keep what it prints. */
export const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** Copies what a process prints to a file of the run, where credentials are looked for at the end. */
export function keepPrinted(child: ChildProcess): void {
  const file = join(tmpdir(), `printed-by-${child.pid}.txt`);
  for (const output of [child.stdout, child.stderr]) {
    output?.on("data", (chunk: string | Buffer) => appendFileSync(file, chunk));
  }
}
