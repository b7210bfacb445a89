/** The event files of a folder: their names and their order. */

import { readdirSync } from "node:fs";
import { join } from "node:path";

/** `traces_DATE.jsonl` is the current file; `traces_DATE.NNNN.jsonl` is closed, and with `.br` compressed. */
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

/** The current file of that day; with a number, a closed one. */
export function tracesFileName(date: string, number?: number): string {
  const part = number === undefined ? "" : `.${String(number).padStart(NUMBER_WIDTH, "0")}`;
  return `traces_${date}${part}.jsonl`;
}

/** Name of a closed file's compressed form. */
export function compressedName(date: string, number: number): string {
  return `${tracesFileName(date, number)}.br`;
}

export interface TracesFile {
  /** Local date, YYYY-MM-DD. */
  readonly date: string;
  /** Counts the closed files of a day from 1; absent for the current file. */
  readonly number?: number;
  readonly form: "plain" | "compressed";
  readonly path: string;
}

/** All event files of a folder, oldest first. Other files are ignored. */
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
 * Each file once, oldest first: the plain form wins as long as it exists, since the compressed one may have been
 * made before the last line was written.
 */
export function listTracesFiles(folder: string): TracesFile[] {
  const files = allTracesFiles(folder);
  return files.filter((file, at) => at === 0 || byWriting(files[at - 1]!, file) !== 0);
}

/** The current file comes after the closed ones of its day. */
function byWriting(a: TracesFile, b: TracesFile): number {
  if (a.date !== b.date) return a.date < b.date ? -1 : 1;
  return (a.number ?? Number.POSITIVE_INFINITY) === (b.number ?? Number.POSITIVE_INFINITY)
    ? 0
    : (a.number ?? Number.POSITIVE_INFINITY) - (b.number ?? Number.POSITIVE_INFINITY);
}
