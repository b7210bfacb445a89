/** Compresses the event files of a folder that are due, one after the other, and applies the retention limits. */

import { unlinkSync } from "node:fs";
import { type CompressOptions, compressFile } from "./compress-file.js";
import { closedPlainFiles, HOLD_MS, type PlainFile, unfinishedFiles } from "./due-files.js";
import { numberFile } from "./numbered-file.js";
import { removeBeyondSize, removeOldTraces } from "./retention.js";

export interface CloseOptions extends CompressOptions {
  readonly folder: string;
  readonly keepDays?: number;
  /** Total bytes of all files. */
  readonly keepBytes?: number;
  readonly holdMs?: number;
  readonly now?: Date;
}

/** A file that cannot be compressed is left as it is; the first such error is thrown after the others are done. */
export async function closeFiles(options: CloseOptions): Promise<void> {
  const { folder, keepDays, keepBytes, holdMs = HOLD_MS, now = new Date(), signal, onStep } = options;
  let failure: unknown;
  if (keepDays !== undefined) removeOldTraces(folder, keepDays, now);
  for (const path of unfinishedFiles(folder, now, holdMs)) unlinkSync(path);
  for (const file of closedPlainFiles(folder, now, holdMs)) {
    if (file.dueAt > now.getTime()) continue;
    signal?.throwIfAborted();
    try {
      const closed = numbered(folder, file);
      if (closed) await compressFile(closed, { ...(signal && { signal }), ...(onStep && { onStep }) });
    } catch (error) {
      failure ??= error;
    }
  }
  if (keepBytes !== undefined) removeBeyondSize(folder, keepBytes, now);
  if (failure !== undefined) throw failure;
}

function numbered(folder: string, file: PlainFile) {
  const closed = file.number === undefined ? numberFile(folder, file.date) : file;
  return closed?.number === undefined
    ? undefined
    : { date: closed.date, number: closed.number, path: closed.path };
}
