/** Renames the current file to a numbered one, so that a new file can take its name. */

import { closeSync, constants, openSync, renameSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { allTracesFiles, type TracesFile, tracesFileName } from "./traces-folder.js";

/**
 * Renames `traces_DATE.jsonl` to the next free `traces_DATE.NNNN.jsonl`; undefined when another process was first.
 *
 * The number is reserved by creating its file exclusively, and the current file is renamed over it: no crash and no
 * race leaves events under two names or under none. At worst an empty file is left.
 */
export function numberFile(folder: string, date: string): TracesFile | undefined {
  const number = takeNumber(folder, date);
  const path = join(folder, tracesFileName(date, number));
  try {
    renameSync(join(folder, tracesFileName(date)), path);
    return { date, number, form: "plain", path };
  } catch (error) {
    unlinkSync(path);
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function takeNumber(folder: string, date: string): number {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const taken = allTracesFiles(folder).flatMap((file) => (file.date === date ? (file.number ?? []) : []));
  for (let number = Math.max(0, ...taken) + 1; ; number += 1) {
    try {
      const path = join(folder, tracesFileName(date, number));
      closeSync(openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
      return number;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
