/** The event files of a folder: their names, and which of them hold what. */

import { readdirSync } from "node:fs";
import { join } from "node:path";

/** `traces_DATE.jsonl` is written to; `traces_DATE.NNNN.jsonl` is closed, and with `.br` compressed. */
const TRACES_FILE = /^traces_(\d{4}-\d{2}-\d{2})(?:\.(\d{4,6}))?\.jsonl(\.br)?$/;
const NUMBER_WIDTH = 4;

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

/** The file that is written to on that day; with a number, a file of it that was closed. */
export function tracesFileName(date: string, number?: number): string {
  const part = number === undefined ? "" : `.${String(number).padStart(NUMBER_WIDTH, "0")}`;
  return `traces_${date}${part}.jsonl`;
}

/** What a closed file is called when it is compressed. */
export function compressedName(date: string, number: number): string {
  return `${tracesFileName(date, number)}.br`;
}

export interface TracesFile {
  /** Local date, YYYY-MM-DD. */
  readonly date: string;
  /** Counts the closed files of a day from 1; absent for the file that is written to. */
  readonly number?: number;
  readonly form: "plain" | "compressed";
  readonly path: string;
}

/** All event files of a folder, oldest first. Other files are not ours and are left alone. */
export function allTracesFiles(folder: string): TracesFile[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry): TracesFile[] => {
      const [, date, number, compressed] = TRACES_FILE.exec(entry.name) ?? [];
      if (date === undefined || entry.isDirectory()) return [];
      const path = join(folder, entry.name);
      if (number === undefined) return compressed === undefined ? [{ date, form: "plain", path }] : [];
      const form = compressed === undefined ? "plain" : "compressed";
      return [{ date, number: Number(number), form, path }];
    })
    .sort((a, b) => byWriting(a, b) || (a.form < b.form ? 1 : -1));
}

/**
 * Each file once, oldest first: the plain form counts for as long as it is there, since a compressed one beside it
 * may have been made before the last line came.
 */
export function listTracesFiles(folder: string): TracesFile[] {
  const files = allTracesFiles(folder);
  return files.filter((file, at) => at === 0 || byWriting(files[at - 1]!, file) !== 0);
}

/** The file that is written to comes after those that were closed on its day. */
function byWriting(a: TracesFile, b: TracesFile): number {
  if (a.date !== b.date) return a.date < b.date ? -1 : 1;
  return (a.number ?? Number.POSITIVE_INFINITY) === (b.number ?? Number.POSITIVE_INFINITY)
    ? 0
    : (a.number ?? Number.POSITIVE_INFINITY) - (b.number ?? Number.POSITIVE_INFINITY);
}
