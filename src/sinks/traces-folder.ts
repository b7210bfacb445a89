import { readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";

const TRACES_FILE = /^traces_(\d{4}-\d{2}-\d{2})\.jsonl$/;

/** The local calendar date, YYYY-MM-DD: what `date +%Y-%m-%d` prints. */
export function localDate(time: Date): string {
  const month = String(time.getMonth() + 1).padStart(2, "0");
  const day = String(time.getDate()).padStart(2, "0");
  return `${time.getFullYear()}-${month}-${day}`;
}

/** The local time of day, HH:MM:SS. */
export function localClock(time: Date): string {
  return [time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

export function tracesFileName(date: string): string {
  return `traces_${date}.jsonl`;
}

export interface TracesFile {
  /** Local date, YYYY-MM-DD. */
  readonly date: string;
  readonly path: string;
}

/** The trace files of a folder, oldest first. Other files are not ours and are left alone. */
export function listTracesFiles(folder: string): TracesFile[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const date = TRACES_FILE.exec(entry.name)?.[1];
      return date === undefined || entry.isDirectory() ? [] : [{ date, path: join(folder, entry.name) }];
    })
    .sort((a, b) => (a.date < b.date ? -1 : 1));
}

/** Removes the files of days before the last `keepDays`, today included. */
export function removeOldTraces(folder: string, keepDays: number, today: Date): void {
  // The day is counted in the calendar: a day of 23 hours is a day.
  const firstKept = localDate(
    new Date(today.getFullYear(), today.getMonth(), today.getDate() - keepDays + 1),
  );
  for (const file of listTracesFiles(folder)) {
    if (file.date < firstKept) unlinkSync(file.path);
  }
}
