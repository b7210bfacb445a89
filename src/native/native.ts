import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { ProcessFileSource } from "../attribution/identity/file-reader.js";
import { closedFolderOn } from "../closed-folder.js";
import type { Endpoint, SocketTuple } from "../connection/client.js";
import { OximyError } from "../errors.js";

/** What the kernel reports about a client's socket. */
export interface SocketOwner {
  /** Inode of the socket, as in /proc/PID/fd. 0 when no process holds it any more, or off Linux. */
  readonly inode: number;
  /** User that created the socket; null when only a remainder of it (TIME_WAIT) is left. */
  readonly uid: number | null;
  /** Unique per boot: SO_COOKIE on Linux, 0n elsewhere. */
  readonly cookie: bigint;
  /** Inode of the socket's cgroup v2 directory (Linux 5.8); 1n is the root cgroup. */
  readonly cgroupId: bigint | null;
  /** The process, where the kernel reports it directly (macOS). Then `findProcess` is not needed. */
  readonly pid: number | null;
}

/** Narrows down the search for a socket's process. Hints order the search and never exclude. */
export interface FinderHints {
  /** Processes that opened connections before, likeliest first. */
  readonly candidates: readonly number[];
  readonly uid: number | null;
  readonly cgroupId: bigint | null;
}

/** A connection of another network namespace, recorded when it began. */
export interface ForeignConnect {
  /** SO_NETNS_COOKIE: no other namespace ever has the same. */
  readonly network: bigint;
  readonly pid: number;
  /** Milliseconds. */
  readonly msAgo: number;
}

/** One process, read in one go. */
export interface ProcessInfo {
  readonly pid: number;
  readonly ppid: number;
  /** Effective user. */
  readonly uid: number;
  /** Clock ticks since boot on Linux, epoch microseconds on macOS. Unique together with the pid. */
  readonly startTime: number;
  /** Executable, without " (deleted)"; null when the system does not report it (kernel threads, others' processes). */
  readonly path: string | null;
  /** Basename of the executable, else the kernel's short name. */
  readonly name: string;
  readonly commandLine: readonly string[];
  /** Linux: path in the cgroup v2 hierarchy, such as `/user.slice/…/app-firefox-1234.scope`. */
  readonly cgroup: string | null;
  /** macOS: the app process responsible for this one. */
  readonly responsiblePid: number | null;
}

/** Who called connect(), recorded by the kernel at that moment. */
export interface ConnectRecord {
  readonly cookie: bigint;
  readonly pid: number;
  readonly uid: number;
  /** The kernel's short name of the thread that connected. */
  readonly name: string;
  /** Null, as is `path`, when the process ended before it could be read. */
  readonly startTime: number | null;
  readonly path: string | null;
}

/** The functions of the native addon (native/attribution_binding.cc). None of them throws except for wrong types. */
export interface NativeAddon extends ProcessFileSource {
  /** The system it was built for; with "none" every function returns null. */
  readonly implementation: "linux" | "darwin" | "none";
  /**
   * The original destination of a redirected connection; `fd` is the accepted socket. Null when it was not
   * redirected. IPv4-mapped addresses are returned as IPv4.
   */
  originalDestination(fd: number): Endpoint | null;
  /** Linux: this process leaves no core dump from now on, and only root can read its memory. False elsewhere. */
  forbidCoreDumps(): boolean;
  /** The same, without the resource limit that child processes would inherit. */
  hideMemory(): boolean;
  /**
   * Linux: from now on no thread of this process can create a socket, start a program or a process, inspect another
   * process, or gain privileges; open descriptors stay usable. False elsewhere, and where the kernel refuses.
   */
  confine(): boolean;
  /**
   * Ends this process after that many milliseconds with that exit code, whatever its threads are doing: Node's exit
   * waits for its worker threads, and one that hangs in the system never ends.
   */
  exitAtLatest(ms: number, code: number): void;
  /** Ends this process, with code 1, that many milliseconds after its parent ended, if it is still running. */
  outliveParentAtMost(ms: number): void;
  /**
   * How much of what was sent on a TCP socket its peer has received: bytes not acknowledged by its system, and whether
   * its FIN has arrived. Null when the connection is reset or closed, and where the system does not report it.
   */
  sendState(fd: number): { readonly unacknowledged: number; readonly peerEnded: boolean } | null;
  /** Exact lookup of one TCP socket of this machine, some 4 µs. Null when the kernel has none with this tuple. */
  socketOwner(tuple: SocketTuple): SocketOwner | null;
  /**
   * The process that uses the socket with this inode, searched off the event loop: candidates, same cgroup, the
   * newest, same user, then all, newest first. Null when none was found within `limitMs` (200).
   *
   * A socket shared over fork belongs to the holder that is no other holder's descendant. When several children
   * hold it, it stays with their parent; likewise when the child has only just forked and is about to exec.
   */
  findProcess(inode: number, hints: FinderHints, limitMs?: number): Promise<number | null>;
  /**
   * The process that uses the socket with this inode, which `pid` opened, when it is that process itself or a child;
   * null when it is neither, or not found in 2 ms. 3 µs per thread of a process that has no children.
   */
  findUserBelow(pid: number, inode: number): number | null;
  /** Reads a process; a thread id returns its process. Null when there is none. Some 50 µs. */
  processInfo(pid: number): ProcessInfo | null;
  /**
   * Linux, root: from now on the kernel records who opens TCP connections from this network namespace, or from all, to
   * these ports (all when empty), except processes of the group `unwantedGid`. Null on success, else the reason why it
   * cannot. Only an optimization, and the memory of clients that have exited by the time of the lookup. Ends with
   * `detachConnectRecorder`, and with the process at the latest.
   */
  attachConnectRecorder(
    ports: readonly number[],
    unwantedGid?: number,
    scope?: "own_network" | "all_networks",
  ): string | null;
  detachConnectRecorder(): void;
  /** Connections of other network namespaces that began since the last call; of too many the oldest. */
  takeForeignConnects(): readonly ForeignConnect[];
  /**
   * The record of the socket with this cookie; with cookie null (the client reset its socket, so `socketOwner` finds
   * nothing), that of the last socket with this tuple. Null when there is none. A few µs.
   */
  connectRecord(tuple: SocketTuple, cookie: bigint | null): ConnectRecord | null;
  /**
   * The process of the same record and then its ancestors, as of connect(), nearest first. Empty when the process
   * ended before it could be read. Separate from `connectRecord`, because it is only needed once per process.
   */
  recordedProcesses(tuple: SocketTuple, cookie: bigint | null): readonly ProcessInfo[];
}

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Where the addon is searched for: built on this machine first, then the prebuilt one for this system. */
export const NATIVE_BINARIES: readonly string[] = [
  path.join(root, "build", "Release", "oximy_native.node"),
  path.join(root, "prebuilds", packedName(), "oximy_native.node"),
];

/** A folder of prebuilds/: `linux-x64`, `linux-x64-musl` for a Node that is linked to musl, `darwin-arm64`, … */
function packedName(): string {
  const name = `${process.platform}-${process.arch}`;
  return process.platform === "linux" && isLinkedToMusl() ? `${name}-musl` : name;
}

/** musl's loader is also its library, and has the architecture in its name (ldso/dynlink.c). */
function isLinkedToMusl(): boolean {
  try {
    return readFileSync("/proc/self/maps", "latin1").includes("/ld-musl-");
  } catch {
    return false; // no /proc: loading the addon will show
  }
}

let loaded: NativeAddon | undefined;

/** @throws OximyError OXIMY_E_NATIVE_MISSING when no binary of the addon can be loaded. */
export function loadNative(): NativeAddon {
  loaded ??= loadFirst(NATIVE_BINARIES);
  return loaded;
}

/** Loads the first binary that can be loaded. Separate from `loadNative` so that the error can be tested. */
export function loadFirst(binaries: readonly string[]): NativeAddon {
  const require = createRequire(import.meta.url);
  const failures: string[] = [];
  for (const binary of binaries) {
    try {
      return require(binary) as NativeAddon;
    } catch (error) {
      failures.push(`${binary}: ${firstLine(error)}`);
    }
  }
  throw new OximyError(
    "OXIMY_E_NATIVE_MISSING",
    `the native addon could not be loaded. Looked for:\n  ${failures.join("\n  ")}`,
    adviceFor(binaries),
  );
}

function adviceFor(binaries: readonly string[]): string {
  const closed = binaries.map(closedFolderOn).find((folder) => folder !== undefined);
  if (closed !== undefined) {
    return `This user may not enter ${closed} (no execute right there): allow it, or install Oximy elsewhere.`;
  }
  return "Run `npm run build:native` in Oximy's folder (it needs a C++17 compiler and cmake or make).";
}

function firstLine(error: unknown): string {
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return line;
}
