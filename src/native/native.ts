import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { ProcessFileSource } from "../attribution/identity/file-reader.js";
import { closedFolderOn } from "../closed-folder.js";
import type { Endpoint, SocketTuple } from "../connection/client.js";
import { OximyError } from "../errors.js";

/** What the kernel says of a client's socket. */
export interface SocketOwner {
  /** Inode of the socket, as in /proc/PID/fd. 0 when no process holds it any more, or off Linux. */
  readonly inode: number;
  /** User that made the socket; null when only a remainder of it (TIME_WAIT) is left. */
  readonly uid: number | null;
  /** Unique per boot: SO_COOKIE on Linux, 0n elsewhere. */
  readonly cookie: bigint;
  /** Inode of the socket's cgroup v2 directory (Linux 5.8); 1n is the root cgroup. */
  readonly cgroupId: bigint | null;
  /** The process, where the kernel names it at once (macOS). Then `findProcess` is not needed. */
  readonly pid: number | null;
}

/** What narrows the search for a socket's process down. Hints order the search and never exclude. */
export interface FinderHints {
  /** Processes that opened connections before, likeliest first. */
  readonly candidates: readonly number[];
  readonly uid: number | null;
  readonly cgroupId: bigint | null;
}

/** A connection of another network namespace, which was recorded when it began. */
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
  /** Clock ticks since boot on Linux, epoch microseconds on macOS. With the pid it names a process for good. */
  readonly startTime: number;
  /** Executable, " (deleted)" undone; null when the system does not tell (kernel threads, others' processes). */
  readonly path: string | null;
  /** Basename of the executable, else the kernel's short name. */
  readonly name: string;
  readonly commandLine: readonly string[];
  /** Linux: path in the cgroup v2 hierarchy, such as `/user.slice/…/app-firefox-1234.scope`. */
  readonly cgroup: string | null;
  /** macOS: the process of the app that answers for this one. */
  readonly responsiblePid: number | null;
}

/** Who called connect(), written down by the kernel in that very moment. */
export interface ConnectRecord {
  readonly cookie: bigint;
  readonly pid: number;
  readonly uid: number;
  /** The kernel's short name of the thread that connected. */
  readonly name: string;
  /** Null, as is `path`, when the process had ended before it could be read. */
  readonly startTime: number | null;
  readonly path: string | null;
}

/** The functions of the native addon (native/attribution_binding.cc). None of them throws but for wrong types. */
export interface NativeAddon extends ProcessFileSource {
  /** The system it was built for; with "none" every function answers null. */
  readonly implementation: "linux" | "darwin" | "none";
  /**
   * Where the client of a redirected connection meant to go; `fd` is the accepted socket. Null when it was not
   * redirected. IPv4-mapped addresses come as IPv4.
   */
  originalDestination(fd: number): Endpoint | null;
  /** Linux: this process leaves no core dump from now on, and only root can read its memory. False elsewhere. */
  forbidCoreDumps(): boolean;
  /** The same, but for a limit that programs which this process starts would inherit. */
  hideMemory(): boolean;
  /**
   * Linux: from now on no thread of this process can make a socket, start a program or a process, look into another
   * process, or gain rights; what is open stays usable. False elsewhere, and where the kernel refuses.
   */
  confine(): boolean;
  /**
   * Ends this process after so many milliseconds with that exit code, whatever its threads do by then: Node's exit
   * waits for its worker threads, and one that hangs in the system never ends.
   */
  exitAtLatest(ms: number, code: number): void;
  /** Ends this process, with code 1, so many milliseconds after its parent did, if it has not ended by itself. */
  outliveParentAtMost(ms: number): void;
  /**
   * How far the peer of a TCP socket is with what was sent to it: bytes that its system has not acknowledged, and
   * whether its FIN is here. Null when the connection is reset or closed, and where the system does not say.
   */
  sendState(fd: number): { readonly unacknowledged: number; readonly peerEnded: boolean } | null;
  /** Exact lookup of one TCP socket of this machine, some 4 µs. Null when the kernel has none with this tuple. */
  socketOwner(tuple: SocketTuple): SocketOwner | null;
  /**
   * The process that uses the socket with this inode, searched off the event loop: candidates, same cgroup, the
   * newest, same user, then all, newest first. Null when none was found within `limitMs` (200).
   *
   * A socket shared over fork belongs to the holder that no other holder descends from. When several children
   * hold it, it stays with their parent; and so it does when the child only just forked and is about to exec.
   */
  findProcess(inode: number, hints: FinderHints, limitMs?: number): Promise<number | null>;
  /**
   * The process that uses the socket with this inode, which `pid` opened, when it is that process itself or a child;
   * null when it is neither, or not found in 2 ms. 3 µs for each thread of a process that has no children.
   */
  findUserBelow(pid: number, inode: number): number | null;
  /** What is known of a process; a thread's id gives its process. Null when there is none. Some 50 µs. */
  processInfo(pid: number): ProcessInfo | null;
  /**
   * Linux, root: from now on the kernel writes down who opens TCP connections from this network namespace, or from all,
   * to these ports (all when empty), but for processes of the group `unwantedGid`. Null when it does, else why it cannot.
   * Only an accelerator, and the memory of clients that are gone by the time of the lookup. Ends with
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
   * The record of the socket with this cookie; with cookie null (the client reset its socket, so that `socketOwner`
   * knows nothing), that of the last socket with this tuple. Null when there is none. A few µs.
   */
  connectRecord(tuple: SocketTuple, cookie: bigint | null): ConnectRecord | null;
  /**
   * The process of the same record and then its ancestors, as they were at connect(), nearest first. Empty when the
   * process had ended before it could be read. Apart from `connectRecord`, because it is only needed once a process.
   */
  recordedProcesses(tuple: SocketTuple, cookie: bigint | null): readonly ProcessInfo[];
}

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Where the addon is looked for: built on this machine first, then what is packed for this system. */
export const NATIVE_BINARIES: readonly string[] = [
  path.join(root, "build", "Release", "oximy_native.node"),
  path.join(root, "prebuilds", packedName(), "oximy_native.node"),
];

/** A folder of prebuilds/: `linux-x64`, `linux-x64-musl` for a Node that is linked to musl, `darwin-arm64`, … */
function packedName(): string {
  const name = `${process.platform}-${process.arch}`;
  return process.platform === "linux" && isLinkedToMusl() ? `${name}-musl` : name;
}

/** musl's loader is its library, too, and has the processor in its name (ldso/dynlink.c). */
function isLinkedToMusl(): boolean {
  try {
    return readFileSync("/proc/self/maps", "latin1").includes("/ld-musl-");
  } catch {
    return false; // no /proc: what loads is seen when it is loaded
  }
}

let loaded: NativeAddon | undefined;

/** @throws OximyError OXIMY_E_NATIVE_MISSING when no binary of the addon can be loaded. */
export function loadNative(): NativeAddon {
  loaded ??= loadFirst(NATIVE_BINARIES);
  return loaded;
}

/** Loads the first binary that loads. Apart from `loadNative` so that the error can be tested. */
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
