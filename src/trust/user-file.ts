/** Small files in a user's folders, read and replaced with that user's rights. */

import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";

const LARGEST = 64 << 10;

/**
 * Its text; `absent` if missing, `other` for a link and anything else but a regular file of at most `largest` bytes.
 * Throws when it cannot be read.
 */
export function readSmallFile(
  path: string,
  largest = LARGEST,
): { readonly kind: "text"; readonly text: string } | { readonly kind: "absent" | "other" } {
  let fd: number | undefined;
  try {
    fd = openSync(
      path,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size > largest) return { kind: "other" };
    return { kind: "text", text: readFileSync(fd, "utf8") };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "absent" };
    if (code === "ELOOP") return { kind: "other" };
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * Replaces it atomically with a world-readable file. A link in its place is replaced, not followed. Throws errors of
 * the file system.
 */
export function replaceFile(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  rmSync(temporary, { force: true });
  try {
    writeFileSync(temporary, text, { flag: "wx" });
    chmodSync(temporary, 0o644); // whatever the umask
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
