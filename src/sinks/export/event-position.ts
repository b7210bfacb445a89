/**
 * How far the events of a folder were read, and what came since. The files themselves are what waits for a collector
 * that is away: they are on disk before anything is sent, and are kept as long as they are asked to be.
 */

import type { Buffer } from "node:buffer";
import { statSync } from "node:fs";
import { bytesOf, LineSplitter } from "../../traces/lines.js";
import { allTracesFiles, listTracesFiles, type TracesFile } from "../traces-folder.js";

export interface Position {
  /** Date of the file; empty before any file. */
  readonly date: string;
  /** The number that the file has, or that it will get when it is closed. */
  readonly number: number;
  /** By which a plain file without a number is known: device, inode, and its birth, since inodes are used again. */
  readonly identity: string;
  /** Bytes of its plain form. */
  readonly offset: number;
}

export const BEFORE_ALL: Position = { date: "", number: 0, identity: "", offset: 0 };

export interface NewLines {
  readonly lines: readonly Buffer[];
  /** After them. */
  readonly position: Position;
  /** Files between the last position and this one were removed unread. */
  readonly gap: boolean;
}

/** Behind everything that is there. */
export function endOf(folder: string): Position {
  const last = filesOf(folder).at(-1);
  if (last === undefined) return BEFORE_ALL;
  const { size } = statSync(last.path);
  // A compressed one is whole: what comes after it is in another file.
  return positionIn(folder, last, last.form === "plain" ? size : Number.MAX_SAFE_INTEGER);
}

/** The lines after a position, some at a time, until there are none for now. */
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
      // It got a number before it was opened, and its name went to another one: it is found the next time.
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
      // It got its number, was compressed, or was removed meanwhile: it is found the next time.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
  }
}

function filesOf(folder: string): TracesFile[] {
  try {
    return listTracesFiles(folder);
  } catch (error) {
    // Nothing was ever written there.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Where a position is among the files, which may have got numbers or been compressed since. */
function placeOf(
  files: readonly TracesFile[],
  position: Position,
): { at: number; offset: number; gap: boolean } {
  const { date, number, identity, offset } = position;
  if (date === "") return { at: 0, offset: 0, gap: false };
  // A file that has the number is the one, whatever became of it; one that has none yet is told by what it is.
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
