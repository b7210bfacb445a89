/** Which folder keeps a user out of a path. */

import { statSync } from "node:fs";
import { dirname } from "node:path";

/** The outermost folder on the way to `path` that this process may not enter; undefined when it may enter all. */
export function closedFolderOn(path: string): string | undefined {
  const parent = dirname(path);
  if (parent === path) return undefined;
  const above = closedFolderOn(parent);
  if (above !== undefined) return above;
  try {
    statSync(path);
    return undefined;
  } catch (error) {
    // Looking something up in a folder takes the right to enter it (path_resolution(7)).
    return (error as NodeJS.ErrnoException).code === "EACCES" ? parent : undefined;
  }
}
