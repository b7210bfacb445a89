/** Which event files of a folder are to be compressed, and when. */

import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { UNFINISHED } from "./compress-file.js";
import { listTracesFiles, localDate, type TracesFile } from "./traces-folder.js";

/** How long a file that is no longer written to stays plain, for programs that follow it: log shippers, `tail -F`. */
export const HOLD_MS = 3_600_000;

export interface PlainFile extends TracesFile {
  /** Epoch milliseconds from which it may be compressed. */
  readonly dueAt: number;
}

/**
 * The plain files that are no longer written to: those with a number, and those of past days. `today` is the local
 * date.
 */
export function closedPlainFiles(folder: string, now: Date, holdMs = HOLD_MS): PlainFile[] {
  const today = localDate(now);
  return listTracesFiles(folder).flatMap((file) => {
    if (file.form !== "plain" || (file.number === undefined && file.date >= today)) return [];
    const status = lstatSync(file.path, { throwIfNoEntry: false });
    if (status === undefined || !status.isFile()) return [];
    // A file gets its number by a rename, which sets its ctime; one without a number is closed when its day ends.
    const closedAt = file.number === undefined ? endOfDay(file.date) : status.ctimeMs;
    return [{ ...file, dueAt: Math.max(closedAt, status.mtimeMs) + holdMs }];
  });
}

/** Temporary files of processes that died while compressing. */
export function unfinishedFiles(folder: string, now: Date, holdMs = HOLD_MS): string[] {
  return readdirSync(folder)
    .filter((name) => UNFINISHED.test(name))
    .map((name) => join(folder, name))
    .filter((path) => (lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) + holdMs <= +now);
}

function endOfDay(date: string): number {
  const [year, month, day] = date.split("-").map(Number);
  return new Date(year!, month! - 1, day! + 1).getTime();
}
