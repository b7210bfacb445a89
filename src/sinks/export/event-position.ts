/**
 * How far the events of a folder were read, and what was written since. The files themselves are the queue while a
 * collector is unreachable: they are on disk before anything is sent, and retention decides how long they are kept.
 */

import type { Buffer } from "node:buffer";
import { statSync } from "node:fs";
import { bytesOf, LineSplitter } from "../../traces/lines.js";
import { allTracesFiles, listTracesFiles, type TracesFile } from "../traces-folder.js";

export interface Position {
  /** Date of the file; empty before any file. */
  readonly date: string;
  /** The number of the file, or the one it will get when it is closed. */
  readonly number: number;
  /** Identifies a plain file without a number: device, inode, and birth time, since inodes are reused. */
  readonly identity: string;
  /** Offset in its plain form. */
  readonly offset: number;
}

export const BEFORE_ALL: Position = { date: "", number: 0, identity: "", offset: 0 };

export interface NewLines {
  readonly lines: readonly Buffer[];
  /** After them. */
  readonly position: Position;
  /** Whether files between the last position and this one were removed unread. */
  readonly gap: boolean;
}

/** The end of everything written so far. */
export function endOf(folder: string): Position {
  const last = filesOf(folder).at(-1);
  if (last === undefined) return BEFORE_ALL;
  const { size } = statSync(last.path);
  // A compressed file is complete: later events are in another file.
  return positionIn(folder, last, last.form === "plain" ? size : Number.MAX_SAFE_INTEGER);
}

/** The lines after a position, in batches, up to the current end. */
export async function* linesSince(folder: string, position: Position): AsyncGenerator<NewLines> {
  const files = filesOf(folder);
  const { at, offset, gap: isGap } = placeOf(files, position);
  let gap = isGap;
  for (const [index, file] of files.slice(at).entries()) {
    const start = index === 0 ? offset : 0;
    const splitter = new LineSplitter();
    const place = positionIn(folder, file, start);
    let read = start;
    try {
      const chunks = await bytesOf(file, start);
      // It was renamed to a number before it was opened, and a new file has its name: the next call finds it.
      if (file.form === "plain" && identityOf(file) !== place.identity) return;
      for await (const chunk of chunks) {
        const bytes = chunk as Buffer;
        read += bytes.length;
        const lines = splitter.push(bytes);
        if (lines.length === 0) continue;
        yield { lines, position: { ...place, offset: read - splitter.begunBytes }, gap };
        gap = false;
      }
    } catch (error) {
      // It was numbered, compressed or removed meanwhile: the next call finds it.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
  }
}

function filesOf(folder: string): TracesFile[] {
  try {
    return listTracesFiles(folder);
  } catch (error) {
    // No event was ever written there.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Where a position is among the files, which may have been numbered or compressed since. */
function placeOf(
  files: readonly TracesFile[],
  position: Position,
): { at: number; offset: number; gap: boolean } {
  const { date, number, identity, offset } = position;
  if (date === "") return { at: 0, offset: 0, gap: false };
  // A file with the number is the one, plain or compressed; one that has none yet is matched by its identity.
  const numbered = files.findIndex((file) => file.date === date && file.number === number);
  if (numbered >= 0) return { at: numbered, offset, gap: false };
  const same = files.findIndex(
    (file) => file.date === date && file.form === "plain" && identityOf(file) === identity,
  );
  if (same >= 0) return { at: same, offset, gap: false };
  const next = files.findIndex(
    (file) => file.date > date || (file.date === date && (file.number ?? Number.POSITIVE_INFINITY) > number),
  );
  return { at: next < 0 ? files.length : next, offset: 0, gap: true };
}

function positionIn(folder: string, file: TracesFile, offset: number): Position {
  const { date } = file;
  const identity = file.form === "plain" ? identityOf(file) : "";
  return { date, number: file.number ?? nextNumber(folder, date), identity, offset };
}

function nextNumber(folder: string, date: string): number {
  const taken = allTracesFiles(folder).flatMap((file) => (file.date === date ? (file.number ?? []) : []));
  return Math.max(0, ...taken) + 1;
}

function identityOf({ path }: TracesFile): string {
  const status = statSync(path, { bigint: true, throwIfNoEntry: false });
  return status === undefined ? "" : `${status.dev}/${status.ino}/${status.birthtimeNs}`;
}
