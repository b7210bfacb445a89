/** The file of one day: creating it, opening it, and checking whether it is still there. */

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

/** Group of files and folders that are created here. */
export interface FileGroup {
  readonly gid: number;
}

/** The open file of a day. `inode` and `device` show whether the path still refers to it. */
export interface DayFile {
  readonly fd: number;
  readonly date: string;
  readonly path: string;
  readonly inode: number;
  readonly device: number;
}

/** Opens or creates the file (0600), and terminates a line that a crash left incomplete. */
export function openDay(folder: string, date: string, group: FileGroup | undefined): DayFile {
  const path = join(folder, tracesFileName(date));
  const fd = openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
  try {
    const { ino, dev, size, mode, uid } = fstatSync(fd);
    if ((mode & 0o077) !== 0 && uid === process.geteuid?.()) fchmodSync(fd, 0o600);
    if (size === 0 && group !== undefined) giveToGroup(() => fchownSync(fd, uid, group.gid));
    endTornLine(fd, size);
    return { fd, date, path, inode: ino, device: dev };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A crash during a write leaves a line without its newline: the next event must start on a line of its own. */
function endTornLine(fd: number, size: number): void {
  if (size === 0) return;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  if (last[0] !== NEWLINE) writeSync(fd, "\n");
}

/** False when the file was removed or renamed: writes to the descriptor would be lost. */
export function isStillThere(file: DayFile): boolean {
  const now = statSync(file.path, { throwIfNoEntry: false });
  return now !== undefined && now.ino === file.inode && now.dev === file.device;
}

/** Creates the folder and its missing parents, 0700. */
export function makeFolder(folder: string, group: FileGroup | undefined): void {
  for (const made of makeFolders(folder)) {
    if (group !== undefined) giveToGroup(() => chownSync(made, statSync(made).uid, group.gid));
  }
}

/** Only the owner can read what is created here, so it is no failure when this user may not set the group. */
function giveToGroup(change: () => void): void {
  try {
    change();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}
