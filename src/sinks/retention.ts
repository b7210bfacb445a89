/** Which event files are removed, and when. */

import { statSync, unlinkSync } from "node:fs";
import { allTracesFiles, localDate } from "./traces-folder.js";

/** Removes the files of days before the last `keepDays`, today included. */
export function removeOldTraces(folder: string, keepDays: number, today: Date): void {
  // Calendar days, not multiples of 24 hours: a day can have 23.
  const firstKept = localDate(
    new Date(today.getFullYear(), today.getMonth(), today.getDate() - keepDays + 1),
  );
  for (const file of allTracesFiles(folder)) {
    if (file.date < firstKept) removeFile(file.path);
  }
}

/** Removes the oldest files until the total is at most `keepBytes`. Today's current file always stays. */
export function removeBeyondSize(folder: string, keepBytes: number, today: Date): void {
  const files = allTracesFiles(folder).map((file) => ({ ...file, size: sizeOf(file.path) }));
  let total = files.reduce((sum, { size }) => sum + size, 0);
  for (const file of files) {
    if (total <= keepBytes) return;
    if (file.number === undefined && file.date >= localDate(today)) continue;
    removeFile(file.path);
    total -= file.size;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Another process that writes to the folder may have removed it first. */
function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
