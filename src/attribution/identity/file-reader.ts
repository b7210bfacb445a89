import { constants } from "node:fs";
import { open, readlink, stat } from "node:fs/promises";

/** What identity rules may ask of the file system. Answers are `undefined` instead of errors. */
export interface FileReader {
  /** A whole regular file of at most `limit` bytes. */
  read(path: string, limit: number): Promise<Buffer | undefined>;
  readLink(path: string): Promise<string | undefined>;
  /** Modification time in epoch milliseconds. */
  modifiedAt(path: string): Promise<number | undefined>;
}

/**
 * The real file system. The files belong to the processes that are looked at, so nothing of them is taken for
 * granted: a pipe or device in the place of a file is not waited for, and a huge file is not read.
 */
export const systemFiles: FileReader = {
  async read(path, limit) {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
    if (file === undefined) return undefined;
    try {
      const { size } = await file.stat().then((found) => (found.isFile() ? found : { size: Infinity }));
      if (size > limit) return undefined;
      // Files of /proc have size 0: read up to the limit, and one byte more to notice what is beyond it.
      const buffer = Buffer.alloc((size > 0 ? size : limit) + 1);
      let length = 0;
      while (length < buffer.length) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length);
        if (bytesRead === 0) return buffer.subarray(0, length);
        length += bytesRead;
      }
      return undefined;
    } catch {
      return undefined;
    } finally {
      await file.close();
    }
  },
  readLink: (path) => readlink(path).catch(() => undefined),
  modifiedAt: (path) =>
    stat(path).then(
      (found) => found.mtimeMs,
      () => undefined,
    ),
};

/** What can be told without looking at files. */
export const noFiles: FileReader = {
  read: async () => undefined,
  readLink: async () => undefined,
  modifiedAt: async () => undefined,
};

/** The files as a process sees them whose root is `root` (`/proc/PID/root`: another container, a sandbox). */
export function withRoot(files: FileReader, root: string): FileReader {
  return {
    read: (path, limit) => files.read(root + path, limit),
    readLink: (path) => files.readLink(root + path),
    modifiedAt: (path) => files.modifiedAt(root + path),
  };
}
