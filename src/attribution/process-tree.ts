import type { Owner, ProcessIdentity } from "../connection/client.js";
import { LruCache } from "../lru-cache.js";
import { ContainerReader, outlineOfContainer } from "./container/reader.js";
import { createDarwinIdentifier } from "./identity/darwin.js";
import {
  type FileReader,
  filesOfProcess,
  noFiles,
  type ProcessFileSource,
  systemFiles,
} from "./identity/file-reader.js";
import { executableName, type IdentifyProcess } from "./identity/identity.js";
import { identifyLinuxProcess } from "./identity/linux.js";
import type { NativeAddon, ProcessInfo } from "./native.js";
import { createUserNames, type UserNames } from "./user-names.js";

const MAX_ANCESTORS = 10;
const MAX_PROCESSES = 4096;

export type KnownOwner = Extract<Owner, { kind: "process" }>;

/** Describes processes by their pid. Caches results for as long as they are valid. */
export interface ProcessTree {
  /** Undefined when there is no such process (any more). */
  describe(pid: number): Promise<KnownOwner | undefined>;
  /** From the process table alone, synchronously. */
  outline(pid: number): KnownOwner | undefined;
  /**
   * The same for a process that was already read; it may have ended. Its ancestors, as of its connect, are requested
   * immediately or, when the process is cached, not at all.
   */
  describeRead(process: ProcessInfo, ancestorsOf: () => readonly ProcessInfo[]): Promise<KnownOwner>;
}

/** Reads processes: the native addon. */
export type ProcessReader = Pick<NativeAddon, "implementation" | "processInfo"> & Partial<ProcessFileSource>;

export interface ProcessTreeOptions {
  /** For all processes, instead of the addon's reads with the view of each process. */
  readonly files?: FileReader;
  readonly users?: UserNames;
}

export function createProcessTree(source: ProcessReader, options: ProcessTreeOptions = {}): ProcessTree {
  const { files, users = createUserNames() } = options;
  const filesOf = (info: ProcessInfo): FileReader => files ?? filesSeenBy(info, source);
  const identify: IdentifyProcess =
    source.implementation === "darwin" ? createDarwinIdentifier() : identifyLinuxProcess;
  const containers = new ContainerReader({ processInfo: (pid) => source.processInfo(pid) });
  const isLinux = source.implementation === "linux";
  const identities = new LruCache<string, Promise<ProcessIdentity>>(MAX_PROCESSES);
  const owners = new LruCache<string, Promise<KnownOwner>>(MAX_PROCESSES);

  const identityOf = (info: ProcessInfo): Promise<ProcessIdentity> =>
    remember(identities, info, async () => {
      const { pid, uid, startTime } = info;
      const seen = filesOf(info);
      let [identity, inside] = await Promise.all([
        identify(info, seen),
        isLinux ? containers.of(info, seen) : undefined,
      ]);
      // If the process ended and its pid was reused meanwhile, the files in /proc belonged to another.
      if ((source.processInfo(pid)?.startTime ?? startTime) !== startTime) {
        identity = await identify(info, noFiles);
        if (isLinux) inside = await containers.of(info, noFiles);
      }
      // Users of a container are unrelated to those of the machine with the same uids.
      const user = inside ? inside.user : users.nameOf(uid);
      const { container } = inside ?? {};
      return {
        ...outlineOfProcess(info),
        ...(user && { user }),
        ...(container && { container }),
        ...identity,
      };
    });

  const ownerOf = (info: ProcessInfo, ancestorsOf: () => readonly ProcessInfo[]): Promise<KnownOwner> =>
    remember(owners, info, async () => {
      const [process, ...ancestors] = await Promise.all([info, ...ancestorsOf()].map(identityOf));
      return { kind: "process", process: process!, ancestors };
    });

  return {
    async describe(pid) {
      const info = source.processInfo(pid);
      return info === null ? undefined : ownerOf(info, () => readAncestors(info, source));
    },
    outline(pid) {
      const info = source.processInfo(pid);
      return info === null ? undefined : outlineOf(info, readAncestors(info, source));
    },
    describeRead: ownerOf,
  };
}

/** macOS has no per-process root folder: files in an app's folder are read directly. */
function filesSeenBy(info: ProcessInfo, source: ProcessReader): FileReader {
  if (source.implementation === "darwin") return systemFiles;
  const { readFileAs, readLinkAs } = source;
  if (readFileAs === undefined || readLinkAs === undefined) return noFiles;
  return filesOfProcess(info, { readFileAs, readLinkAs });
}

/** What is known about processes that were read, before any file is accessed. */
export function outlineOf(process: ProcessInfo, ancestors: readonly ProcessInfo[]): KnownOwner {
  return {
    kind: "process",
    process: outlineOfProcess(process),
    ancestors: ancestors.map(outlineOfProcess),
  };
}

function outlineOfProcess(info: ProcessInfo): ProcessIdentity {
  const { pid, ppid, uid, startTime, path, name, cgroup } = info;
  // Set even if there is no time for its names: without it, it would count as a process of the machine.
  const container = cgroup ? outlineOfContainer(cgroup) : undefined;
  return {
    pid,
    ppid,
    uid,
    startTime,
    ...(path && { path }),
    name: path ? executableName(path) : name,
    ...(container && { container }),
  };
}

/**
 * A pid identifies a process only together with its start time, so that a reused one inherits nothing. exec(2) keeps
 * both but changes the program, so what runs is part of the key too.
 */
function remember<T>(
  cache: LruCache<string, Promise<T>>,
  info: ProcessInfo,
  make: () => Promise<T>,
): Promise<T> {
  const key = [info.pid, info.startTime, info.path, ...info.commandLine].join("\0");
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make();
  cache.set(key, made);
  made.catch(() => cache.delete(key));
  return made;
}

/** Parents up to the first process of the system (pid 1 belongs to no app), then the responsible process. */
function readAncestors(info: ProcessInfo, source: ProcessReader): ProcessInfo[] {
  const ancestors: ProcessInfo[] = [];
  let child = info;
  while (ancestors.length < MAX_ANCESTORS && child.ppid > 1) {
    const parent = source.processInfo(child.ppid);
    // Younger than its child: the parent has ended meanwhile, and its pid was reused.
    if (parent === null || parent.startTime > child.startTime) break;
    ancestors.push(parent);
    child = parent;
  }
  const { responsiblePid } = info;
  const isKnown = [info, ...ancestors].some((process) => process.pid === responsiblePid);
  if (responsiblePid === null || responsiblePid <= 1 || isKnown) return ancestors;
  const responsible = source.processInfo(responsiblePid);
  return responsible === null ? ancestors : [...ancestors.slice(0, MAX_ANCESTORS - 1), responsible];
}
