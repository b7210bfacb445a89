/**
 * Files made by the proxy have its primary group, which only marks it for the redirect: they are given the invoking
 * user's.
 */

import { lchownSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { OXIMY_GID } from "../user/settings.js";

/** Home, the folders in it, and the files in those. */
const DEPTH = 2;

/** Changes the group of files that have our mark to `gid`. Failures are ignored: such files are not ours. */
export function giveToGroup(path: string, gid: number, depth = DEPTH): void {
  try {
    const stats = lstatSync(path);
    if (stats.gid === OXIMY_GID) lchownSync(path, stats.uid, gid);
    if (!stats.isDirectory() || depth === 0) return;
    for (const name of readdirSync(path)) giveToGroup(join(path, name), gid, depth - 1);
  } catch {
    // removed meanwhile, or another user's
  }
}
