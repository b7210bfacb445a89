/** Executable files and libraries that are installed. */

import fs from "node:fs";
import path from "node:path";

/** Real paths of the ELF files below these folders, each once. */
export function* elfFilesBelow(folders: readonly string[]): Generator<string> {
  const seen = new Set<string>();
  for (const folder of folders) {
    if (!fs.existsSync(folder)) continue;
    for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      const { dev, ino } = fs.statSync(file);
      const key = `${dev}:${ino}`;
      if (seen.has(key) || !isElf(file)) continue;
      seen.add(key);
      yield file;
    }
  }
}

export function isElf(file: string): boolean {
  const fd = fs.openSync(file, "r");
  const head = Buffer.alloc(4);
  fs.readSync(fd, head);
  fs.closeSync(fd);
  return head.toString("latin1") === "\x7fELF";
}
