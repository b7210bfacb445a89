/** Makes folders one at a time. */

import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes the folder and its missing parents, and returns those it made, outermost first. It does not use Node's
 * `recursive`, which loops forever where a parent exists but takes no folders, as /proc (src/node_file.cc, MKDirpSync:
 * ENOENT for what was just made sends it back to the parent). Throws the system's error at once.
 */
export function makeFolder(folder: string, mode = 0o700): string[] {
  if (isFolder(folder)) return [];
  const parent = dirname(folder);
  const made = parent === folder ? [] : makeFolder(parent, mode);
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    // Another process made it first.
    if ((error as NodeJS.ErrnoException).code === "EEXIST" && isFolder(folder)) return made;
    throw error;
  }
  return [...made, folder];
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
