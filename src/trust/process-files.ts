/** Files of processes, read so that nothing of them can hang or mislead the reader (native/process_files_binding.cc). */

import { withTimeout } from "../attribution/time-limit.js";
import { loadNative } from "../native/native.js";

/** One process, which is no other: a pid is given away again, a pid with its start time is not. */
export interface ProcessRef {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTime: number;
  /** Effective user. */
  readonly uid: number;
}

export interface FileStamp {
  /** Changes with the file: device, inode, size and times. */
  readonly identity: string;
  /** Last change of content or owner, epoch milliseconds. */
  readonly changedAt: number;
}

export interface FileContent extends FileStamp {
  readonly bytes: Buffer;
}

/**
 * `absent`: no file of that name. `refused`: no regular file, too large, or not for that user to read. Null: it could not
 * be found out in time.
 */
export type FileAnswer = FileContent | "absent" | "refused" | null;

export interface ProgramFiles {
  /** Names the executable: device, inode, size and times, not its path. */
  readonly executable: string;
  /** Bytes. */
  readonly size: number;
  /** Names the file tree that it sees: mount namespace and root folder. */
  readonly tree: string;
  /** By now; empty when that cannot be told. */
  readonly workingDirectory: string;
  /** Of the variables asked for, those that were set at the start. Null when that cannot be read. */
  readonly environment: Readonly<Record<string, string>> | null;
  /** What `readMappedFiles` resolves with; null where it was not asked for. */
  readonly mapped: readonly string[] | null;
}

/**
 * What the addon exports for it. Each runs on one of 8 threads that may hang without harm, and resolves with null when a
 * thread is not to be had, or when it cannot find out; with the "none" and "darwin" implementations always. It takes
 * `limitMs` only for the start: whoever waits keeps the limit.
 */
export interface ProcessFilesAddon {
  readFileAs(process: ProcessRef, path: string, maxBytes: number, limitMs: number): Promise<FileAnswer>;
  /** A file that may be read and has the `known` identity is not read again: its stamp comes without bytes. */
  readFileAs(
    process: ProcessRef,
    path: string,
    maxBytes: number,
    limitMs: number,
    known: string | undefined,
  ): Promise<FileAnswer | FileStamp>;
  /** Like `readFileAs`, for a user without a process to go by: below our own root, with this group and no other. */
  readFileOf(
    owner: { readonly uid: number; readonly gid: number },
    path: string,
    maxBytes: number,
    limitMs: number,
  ): Promise<FileAnswer>;
  listFolderAs(
    process: ProcessRef,
    path: string,
    maxNames: number,
    limitMs: number,
  ): Promise<string[] | null>;
  /** Where a path leads in the end, links followed as the process would. */
  resolveAs(process: ProcessRef, path: string, limitMs: number): Promise<string | null>;
  readProgramFiles(
    process: ProcessRef,
    names: readonly string[],
    limitMs: number,
    withMapped?: boolean,
  ): Promise<ProgramFiles | null>;
  readMappedFiles(process: ProcessRef, limitMs: number): Promise<string[] | null>;
  readExecutablePart(
    process: ProcessRef,
    offset: number,
    length: number,
    limitMs: number,
  ): Promise<Buffer | null>;
  findInExecutable(
    process: ProcessRef,
    offset: number,
    length: number,
    text: string,
    limitMs: number,
  ): Promise<boolean | null>;
}

/** The same, where the limit counts for the answer too. */
export type ProcessFiles = ProcessFilesAddon;

/** For a busy machine, which lets a thread wait before it asks, and the answer after: limits are those of file systems. */
const SCHEDULING_MS = 45;

/** @param patience multiplies every limit: for a machine that is known to be busy */
export function processFiles(
  addon: ProcessFilesAddon = loadNative() as unknown as ProcessFilesAddon,
  patience = 1,
): ProcessFiles {
  const limited = <T>(limitMs: number, ask: (limitMs: number) => Promise<T | null>) => {
    const inAll = limitMs * patience + SCHEDULING_MS;
    return withTimeout(inAll, ask(inAll), () => null);
  };
  return {
    readFileAs: ((process, path, maxBytes, limitMs, known) =>
      limited(limitMs, (inAll) =>
        addon.readFileAs(process, path, maxBytes, inAll, known),
      )) as ProcessFiles["readFileAs"],
    readFileOf: (owner, path, maxBytes, limitMs) =>
      limited(limitMs, (inAll) => addon.readFileOf(owner, path, maxBytes, inAll)),
    listFolderAs: (process, path, maxNames, limitMs) =>
      limited(limitMs, (inAll) => addon.listFolderAs(process, path, maxNames, inAll)),
    resolveAs: (process, path, limitMs) => limited(limitMs, (inAll) => addon.resolveAs(process, path, inAll)),
    readProgramFiles: (process, names, limitMs, withMapped = false) =>
      limited(limitMs, (inAll) => addon.readProgramFiles(process, names, inAll, withMapped)),
    readMappedFiles: (process, limitMs) => limited(limitMs, (inAll) => addon.readMappedFiles(process, inAll)),
    readExecutablePart: (process, offset, length, limitMs) =>
      limited(limitMs, (inAll) => addon.readExecutablePart(process, offset, length, inAll)),
    findInExecutable: (process, offset, length, text, limitMs) =>
      limited(limitMs, (inAll) => addon.findInExecutable(process, offset, length, text, inAll)),
  };
}
