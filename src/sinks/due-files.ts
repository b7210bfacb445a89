/** What is to be closed in a folder of event files, and when. */

import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { UNFINISHED } from "./compress-file.js";
import { listTracesFiles, localDate, type TracesFile } from "./traces-folder.js";

/** So long a file that is no longer written to stays plain, for what follows it: log shippers, `tail -F`. */
export const HOLD_MS = 3_600_000;

export interface PlainFile extends TracesFile {
  /** Epoch milliseconds from which it may be compressed. */
  readonly dueAt: number;
}

/**
 * The plain files that are not written to any more: those with a number, and those of days that are over. `today` is
 * the local date.
 */
export function closedPlainFiles(folder: string, now: Date, holdMs = HOLD_MS): PlainFile[] {
  const today = localDate(now);
  return listTracesFiles(folder).flatMap((file) => {
    if (file.form !== "plain" || (file.number === undefined && file.date >= today)) return [];
    const status = lstatSync(file.path, { throwIfNoEntry: false });
    if (status === undefined || !status.isFile()) return [];
    // A file gets its number in a rename, which is a change; a day's own file is over with its day.
    const closedAt = file.number === undefined ? endOfDay(file.date) : status.ctimeMs;
    return [{ ...file, dueAt: Math.max(closedAt, status.mtimeMs) + holdMs }];
  });
}

/** What processes left that ended while they compressed. */
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
