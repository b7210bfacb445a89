/** Which folder on the way to a path this process may not enter. */

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
    // Resolving a path needs search permission on each folder in it (path_resolution(7)).
    return (error as NodeJS.ErrnoException).code === "EACCES" ? parent : undefined;
  }
}
