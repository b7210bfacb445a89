/** Entry point of the process that closes event files: `close-files-main.js OPTIONS`, as JSON. See file-closer.ts. */

import { constants, setPriority } from "node:os";
import { printError } from "../terminal.js";
import { type CloseOptions, closeFiles } from "./close-files.js";

const options = JSON.parse(process.argv[2] ?? "{}") as CloseOptions;
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
// The parent is gone: the next process starts over with the unfinished file.
process.stdin.on("end", () => stop.abort()).resume();
try {
  setPriority(constants.priority.PRIORITY_LOW);
} catch {
  // Not permitted here: it runs with normal priority.
}
try {
  await closeFiles({ ...options, signal: stop.signal });
} catch (error) {
  if (!stop.signal.aborted) {
    printError((error as Error).message);
    process.exitCode = 1;
  }
}
process.exit();
