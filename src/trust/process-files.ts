/** Files of processes, read so that none of them can hang or mislead the reader (native/process_files_binding.cc). */

import { withTimeout } from "../attribution/time-limit.js";
import { loadNative } from "../native/native.js";

/** Exactly one process: a pid is reused, a pid with its start time is not. */
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
 * `absent`: no such file. `refused`: not a regular file, too large, or not readable for that user. Null: not determined
 * in time.
 */
export type FileAnswer = FileContent | "absent" | "refused" | null;

export interface ProgramFiles {
  /** Identifies the executable: device, inode, size and times, not its path. */
  readonly executable: string;
  /** Bytes. */
  readonly size: number;
  /** Identifies the file tree that it sees: mount namespace and root folder. */
  readonly tree: string;
  /** The current one; empty when unknown. */
  readonly workingDirectory: string;
  /** The requested variables that were set at the start. Null when the environment cannot be read. */
  readonly environment: Readonly<Record<string, string>> | null;
  /** As returned by `readMappedFiles`; null if not requested. */
  readonly mapped: readonly string[] | null;
}

/**
 * The addon's exports for it. Each runs on one of 8 threads that may hang without harm, and resolves with null when no
 * thread is available, or the result is unknown; always with the "none" and "darwin" implementations. `limitMs` applies
 * to the start only: the caller enforces the limit.
 */
export interface ProcessFilesAddon {
  readFileAs(process: ProcessRef, path: string, maxBytes: number, limitMs: number): Promise<FileAnswer>;
  /** A readable file with the identity `known` is not read again: its stamp is returned without bytes. */
  readFileAs(
    process: ProcessRef,
    path: string,
    maxBytes: number,
    limitMs: number,
    known: string | undefined,
  ): Promise<FileAnswer | FileStamp>;
  /** Like `readFileAs`, for a user without a process: below our own root, with this group only. */
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
  /** Where a path finally leads, following links as the process would. */
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

/** The same, but the limit applies to the answer too. */
export type ProcessFiles = ProcessFilesAddon;

/** Allowance for a busy machine, where thread and answer are delayed: the limits themselves are for file systems. */
const SCHEDULING_MS = 45;

/** @param patience multiplies every limit: for a machine known to be busy */
export function processFiles(
  addon: ProcessFilesAddon = loadNative() as unknown as ProcessFilesAddon,
  patience = 1,
): ProcessFiles {
  const limited = <T>(limitMs: number, start: (limitMs: number) => Promise<T | null>) => {
    const inAll = limitMs * patience + SCHEDULING_MS;
    return withTimeout(inAll, start(inAll), () => null);
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
