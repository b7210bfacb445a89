/**
 * Registers the ports of running pages, one file each in `~/.oximy/ui`, so that the explicit proxy refuses connections
 * to them: its clients may be on other machines, and the page is only for its own user on this one.
 */

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRunning } from "../is-running.js";
import { makeFolder } from "../make-folder.js";

const folderOf = (home: string) => join(home, "ui");

/** Returns a function that withdraws it. Throws file system errors. */
export function announcePort(home: string, port: number): () => void {
  const folder = folderOf(home);
  makeFolder(folder);
  removeStale(home);
  const file = join(folder, String(port));
  writeFileSync(file, `${process.pid}\n`, { mode: 0o600 });
  return () => rmSync(file, { force: true });
}

/** Whether a running process serves a page on the port. */
export function isAnnounced(home: string, port: number): boolean {
  try {
    return isRunning(Number(readFileSync(join(folderOf(home), String(port)), "utf8")));
  } catch (error) {
    // No page there; an unreadable file is another user's, and so is the page.
    if (["ENOENT", "ENOTDIR", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

/** Removes files of processes that were killed. */
function removeStale(home: string): void {
  for (const port of readdirSync(folderOf(home))) {
    if (/^\d+$/.test(port) && !isAnnounced(home, Number(port))) {
      rmSync(join(folderOf(home), port), { force: true });
    }
  }
}
