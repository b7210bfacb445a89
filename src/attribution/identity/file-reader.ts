import { constants } from "node:fs";
import { open, readlink, stat } from "node:fs/promises";
import { withTimeout } from "../time-limit.js";

/** The file system as used by identity rules. Results are `undefined` instead of errors. */
export interface FileReader {
  /** A whole regular file of at most `limit` bytes. */
  read(path: string, limit: number): Promise<Buffer | undefined>;
  readLink(path: string): Promise<string | undefined>;
  /** Modification time in epoch milliseconds. */
  modifiedAt(path: string): Promise<number | undefined>;
}

/** What the addon reads with the view of a process and its user; see `readFileAs` in native/process_files.h. */
export interface ProcessFileSource {
  /** `refused`: not a regular file, too large, or not readable for that user. Null: not determined in time. */
  readFileAs(
    process: ProcessOfFiles,
    path: string,
    maxBytes: number,
    limitMs: number,
  ): Promise<{ readonly bytes: Buffer } | "absent" | "refused" | null>;
  /** The target of a link; null when it is no link. */
  readLinkAs(process: ProcessOfFiles, path: string, limitMs: number): Promise<string | null>;
}

export interface ProcessOfFiles {
  readonly pid: number;
  readonly startTime: number;
  readonly uid: number;
}

/** Callers have shorter limits; a hanging file system then occupies a thread of its own user. */
const PROCESS_FILE_MS = 1_000;

/** The addon applies the limit to the start only, and a pending answer does not keep Node running. */
const limited = <T>(answer: Promise<T | null>) => withTimeout(PROCESS_FILE_MS, answer, () => null);

const ONLY_FILES = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY;

/**
 * The real file system, for files of the system itself such as those in /proc. Does not block on a pipe or device in
 * place of a file, does not follow a link there, and does not read huge files.
 */
export const systemFiles: FileReader = {
  async read(path, limit) {
    const file = await open(path, ONLY_FILES).catch(() => undefined);
    if (file === undefined) return undefined;
    try {
      const { size } = await file.stat().then((found) => (found.isFile() ? found : { size: Infinity }));
      if (size > limit) return undefined;
      // Files in /proc have size 0: read up to the limit, plus one byte to notice what exceeds it.
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

/**
 * Files below `/proc/PID/root` are chosen by the process and its user: root accesses them as they would, so that no
 * link leads out of the process's root, only regular files are opened, and only those that they may read. Other files
 * are the system's.
 */
export function filesOfProcess(process: ProcessOfFiles, source: ProcessFileSource): FileReader {
  const root = `/proc/${process.pid}/root/`;
  const ref = { pid: process.pid, startTime: process.startTime, uid: process.uid };
  const inside = (path: string) => (path.startsWith(root) ? path.slice(root.length - 1) : undefined);
  return {
    async read(path, limit) {
      const seen = inside(path);
      if (seen === undefined) return systemFiles.read(path, limit);
      const answer = await limited(source.readFileAs(ref, seen, limit, PROCESS_FILE_MS));
      return answer !== null && typeof answer === "object" ? answer.bytes : undefined;
    },
    async readLink(path) {
      const seen = inside(path);
      if (seen === undefined) return systemFiles.readLink(path);
      return (await limited(source.readLinkAs(ref, seen, PROCESS_FILE_MS))) ?? undefined;
    },
    modifiedAt: async (path) => (inside(path) === undefined ? systemFiles.modifiedAt(path) : undefined),
  };
}

/** For what can be determined without any files. */
export const noFiles: FileReader = {
  read: async () => undefined,
  readLink: async () => undefined,
  modifiedAt: async () => undefined,
};

/** The files as seen by a process whose root is `root` (`/proc/PID/root`: another container, a sandbox). */
export function withRoot(files: FileReader, root: string): FileReader {
  return {
    read: (path, limit) => files.read(root + path, limit),
    readLink: (path) => files.readLink(root + path),
    modifiedAt: (path) => files.modifiedAt(root + path),
  };
}
