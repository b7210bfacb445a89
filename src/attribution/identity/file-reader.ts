import { constants } from "node:fs";
import { open, readlink, stat } from "node:fs/promises";
import { withTimeout } from "../time-limit.js";

/** What identity rules may ask of the file system. Answers are `undefined` instead of errors. */
export interface FileReader {
  /** A whole regular file of at most `limit` bytes. */
  read(path: string, limit: number): Promise<Buffer | undefined>;
  readLink(path: string): Promise<string | undefined>;
  /** Modification time in epoch milliseconds. */
  modifiedAt(path: string): Promise<number | undefined>;
}

/** What the addon reads as a process and its user would; see `readFileAs` in native/process_files.h. */
export interface ProcessFileSource {
  /** `refused` is what is no regular file, too large, or not for that user. Null: not found out in time. */
  readFileAs(
    process: ProcessOfFiles,
    path: string,
    maxBytes: number,
    limitMs: number,
  ): Promise<{ readonly bytes: Buffer } | "absent" | "refused" | null>;
  /** What a link says; null for what is none. */
  readLinkAs(process: ProcessOfFiles, path: string, limitMs: number): Promise<string | null>;
}

export interface ProcessOfFiles {
  readonly pid: number;
  readonly startTime: number;
  readonly uid: number;
}

/** Whoever waits has shorter limits; a file system that hangs keeps a thread of its own user from then on. */
const PROCESS_FILE_MS = 1_000;

/** The addon keeps the limit for the start only, and Node does not stay for its answer. */
const limited = <T>(answer: Promise<T | null>) => withTimeout(PROCESS_FILE_MS, answer, () => null);

const ONLY_FILES = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY;

/**
 * The real file system, for files of the system itself such as those of /proc. A pipe or device in the place of a file
 * is not waited for, a link there not followed, and a huge file not read.
 */
export const systemFiles: FileReader = {
  async read(path, limit) {
    const file = await open(path, ONLY_FILES).catch(() => undefined);
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

/**
 * What stands below `/proc/PID/root` is chosen by the process and its user: root looks at it as they would, so that no
 * link leads out of the process's root, nothing but a regular file is ever opened, and nothing that they may not read.
 * The rest is the system's.
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
