/** The file of one day: made, opened, and told whether it is still there. */

import { Buffer } from "node:buffer";
import {
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { makeFolder as makeFolders } from "../make-folder.js";
import { tracesFileName } from "./traces-folder.js";

const NEWLINE = 0x0a;

/** Group that what is made here is given. */
export interface FileGroup {
  readonly gid: number;
}

/** The open file of a day. `inode` and `device` tell whether the path still leads to it. */
export interface DayFile {
  readonly fd: number;
  readonly date: string;
  readonly path: string;
  readonly inode: number;
  readonly device: number;
}

/** Opens the file, or makes it (0600), and closes the line that a crash tore. */
export function openDay(folder: string, date: string, group: FileGroup | undefined): DayFile {
  const path = join(folder, tracesFileName(date));
  const fd = openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
  try {
    const { ino, dev, size, mode, uid } = fstatSync(fd);
    if ((mode & 0o077) !== 0 && uid === process.geteuid?.()) fchmodSync(fd, 0o600);
    if (size === 0 && group !== undefined) giveToGroup(() => fchownSync(fd, uid, group.gid));
    closeTornLine(fd, size);
    return { fd, date, path, inode: ino, device: dev };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A crash in the middle of a write leaves a line without its end: the next event gets a line of its own. */
function closeTornLine(fd: number, size: number): void {
  if (size === 0) return;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  if (last[0] !== NEWLINE) writeSync(fd, "\n");
}

/** False when the file was removed or renamed: what is written to the descriptor would go nowhere. */
export function isStillThere(file: DayFile): boolean {
  const now = statSync(file.path, { throwIfNoEntry: false });
  return now !== undefined && now.ino === file.inode && now.dev === file.device;
}

/** Makes the folder and its missing parents, 0700. */
export function makeFolder(folder: string, group: FileGroup | undefined): void {
  for (const made of makeFolders(folder)) {
    if (group !== undefined) giveToGroup(() => chownSync(made, statSync(made).uid, group.gid));
  }
}

/** Only the owner can read what is made here, so a group that we may not give it to is no reason to stop. */
function giveToGroup(change: () => void): void {
  try {
    change();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}
