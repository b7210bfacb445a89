/** Whether another user could change what a folder's path refers to, or read or replace the files in it. */

import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { join, resolve } from "node:path";

/** Most links that Linux follows (path_resolution(7)). */
const MAX_LINKS = 40;
const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;
const STICKY = 0o1000;

/** A sentence with the reason; undefined if it is safe. Missing folders at the end of the path are fine. */
export function whyUnsafe(folder: string, uid = process.geteuid?.() ?? 0): string | undefined {
  let links = 0;
  let rest = resolve(folder).split("/").filter(Boolean);
  let path = "/";
  while (rest.length > 0) {
    const [name = "", ...others] = rest;
    const next = join(path, name);
    const found = lstatSync(next, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    const why = whyForeign(next, found, uid) ?? (others.length > 0 ? undefined : whyOpen(next, found));
    if (why !== undefined) return why;
    if (found.isSymbolicLink()) {
      if (++links > MAX_LINKS) return `${folder} is a circle of links.`;
      const target = readlinkSync(next).split("/").filter(Boolean);
      if (readlinkSync(next).startsWith("/")) path = "/";
      rest = [...target, ...others];
    } else {
      path = next;
      rest = others;
    }
  }
  return undefined;
}

/** Owned by a user other than root and us, or writable by others, who could replace its entries. */
function whyForeign(path: string, found: Stats, uid: number): string | undefined {
  if (found.uid !== 0 && found.uid !== uid) return `${path} belongs to another user (uid ${found.uid}).`;
  if (found.isSymbolicLink() || (found.mode & STICKY) !== 0 || !mayOthersWrite(found)) return undefined;
  return `Others may write to ${path} (mode ${modeOf(found)}).`;
}

/** In the folder itself others must not even create files: one could take the name of ours. */
function whyOpen(path: string, found: Stats): string | undefined {
  if (found.isSymbolicLink() || !mayOthersWrite(found)) return undefined;
  return `Others may make files in ${path} (mode ${modeOf(found)}).`;
}

/** A group of the same number as the user is that user's alone, by a convention of most distributions (USERGROUPS_ENAB of login.defs(5)). */
const mayOthersWrite = ({ mode, uid, gid }: Stats) =>
  (mode & OTHERS_WRITE) !== 0 || ((mode & GROUP_WRITES) !== 0 && gid !== uid);

const modeOf = ({ mode }: Stats) => (mode & 0o7777).toString(8).padStart(4, "0");
