import type { Attributor, Owner, SocketTuple } from "../connection/client.js";
import { LruCache } from "../lru-cache.js";
import type { ConnectRecord, NativeAddon, ProcessInfo, SocketOwner } from "./native.js";
import { createProcessTree, outlineOf, type ProcessReader, type ProcessTreeOptions } from "./process-tree.js";
import { withTimeout } from "./time-limit.js";

const LIMIT_MS = 200;
/** Checking one remembered process costs some 0.1 ms, all of them up to 300 ms. */
const MAX_CANDIDATES = 16;
const MAX_REMEMBERED = 256;

export interface AttributorOptions extends ProcessTreeOptions {
  readonly limitMs?: number;
}

/** The part of the native addon that attribution uses. */
export type ProcessSource = ProcessReader &
  Pick<NativeAddon, "socketOwner" | "findProcess" | "findUserBelow" | "connectRecord" | "recordedProcesses">;

/** Why an owner is unknown, as in `Owner.reason`. */
export type UnknownReason =
  | "unsupported" // this system has no native implementation
  | "no_socket" // the kernel has no such socket: the client has reset it, or is elsewhere
  | "client_gone" // the client closed the socket or ended before it could be inspected
  | "timeout"
  | "failed"; // a call failed unexpectedly

/** What the kernel returned immediately, at the time of the lookup. */
interface Traces {
  readonly socket: SocketOwner | null;
  /** Who called connect(), where the kernel records that (`attachConnectRecorder`). */
  readonly record: ConnectRecord | null;
  /** The recorded process; undefined when it ended too early to be read. */
  readonly process: ProcessInfo | undefined;
  /** The ancestors of the recorded process. */
  readonly ancestors: () => readonly ProcessInfo[];
  /** The recorded process, or its child that now uses the socket; null when another one does, or none is recorded. */
  readonly user: number | null;
}

/**
 * Uses the kernel of this machine. The record of the connect has priority: it is exact, even when the client has
 * exited. Without it, and when the recorded process may have passed its socket on, the owner is the process that holds
 * the socket.
 */
export function createAttributor(source: ProcessSource, options: AttributorOptions = {}): Attributor {
  const { limitMs = LIMIT_MS } = options;
  const processes = createProcessTree(source, options);
  /** Processes that owned sockets before: an app opens many. */
  const remembered = new LruCache<number, { uid: number | null }>(MAX_REMEMBERED);

  const readTraces = (tuple: SocketTuple): Traces => {
    const socket = source.socketOwner(tuple);
    const cookie = socket?.cookie ?? null;
    const record = source.connectRecord(tuple, cookie);
    let chain: readonly ProcessInfo[] | undefined;
    const recorded = () => (chain ??= source.recordedProcesses(tuple, cookie));
    return {
      socket,
      record,
      process: record === null ? undefined : (asOfNow(record) ?? recorded()[0]),
      ancestors: () => recorded().slice(1),
      user:
        record === null ? null : socket?.inode ? source.findUserBelow(record.pid, socket.inode) : record.pid,
    };
  };

  /** What the process runs now, if it still exists: after exec(2) another program uses the socket. */
  const asOfNow = ({ pid, startTime }: ConnectRecord): ProcessInfo | undefined => {
    const now = source.processInfo(pid);
    // A zombie keeps its pid, but no longer has an executable.
    return now !== null && now.startTime === startTime && now.path !== null ? now : undefined;
  };

  const findPid = async ({ socket, record }: Traces): Promise<number | null> => {
    if (socket === null) return null;
    if (socket.pid !== null) return socket.pid;
    if (socket.inode === 0) return null;
    const { inode, uid, cgroupId } = socket;
    const sameUser = remembered.recentKeys().filter((pid) => remembered.peek(pid)?.uid === uid);
    const candidates = [...(record ? [record.pid] : []), ...sameUser].slice(0, MAX_CANDIDATES);
    return source.findProcess(inode, { candidates, uid, cgroupId }, limitMs);
  };

  /** Calls `found` as soon as the process is known, because reading files takes longer. */
  const ownerOf = async (traces: Traces, deadline: number, found: (pid: number) => void): Promise<Owner> => {
    const { user, record, process, ancestors } = traces;
    if (process !== undefined && process.pid === user) return processes.describeRead(process, ancestors);
    const pid = user !== null && user !== record?.pid ? user : await findPid(traces);
    if (process !== undefined && (pid === null || pid === process.pid)) {
      return processes.describeRead(process, ancestors);
    }
    if (pid !== null) {
      found(pid);
      remembered.set(pid, { uid: traces.socket?.uid ?? null });
      const owner = await processes.describe(pid);
      if (owner !== undefined) return owner;
    }
    if (traces.record !== null) return recordedOwner(traces.record);
    // The native search ends at the same limit, so a search without result may just have run out of time.
    if (traces.socket === null) return unknown("no_socket");
    return unknown(Date.now() >= deadline ? "timeout" : "client_gone", traces.socket);
  };

  return {
    // Not async, and the first calls are made before any await: the client's socket still exists now.
    lookup(tuple) {
      if (source.implementation === "none") return Promise.resolve(unknown("unsupported"));
      try {
        const traces = readTraces(tuple);
        const { socket } = traces;
        let holder: number | undefined;
        const found = (pid: number) => {
          holder = pid;
        };
        const owner = ownerOf(traces, Date.now() + limitMs, found).catch(() => unknown("failed", socket));
        const soFar = () => (holder === undefined ? undefined : processes.outline(holder));
        return withTimeout(limitMs, owner, () => soFar() ?? atOnce(traces));
      } catch {
        return Promise.resolve(unknown("failed"));
      }
    },
    async close() {
      remembered.clear();
    },
  };
}

/** The result that is available without waiting. */
function atOnce({ socket, record, process, ancestors, user }: Traces): Owner {
  if (user === null) return unknown("timeout", socket);
  if (process !== undefined) return outlineOf(process, ancestors());
  return record !== null ? recordedOwner(record) : unknown("timeout", socket);
}

/** A process that ended before it could be inspected: only the kernel's record is known. */
function recordedOwner({ pid, uid, name }: ConnectRecord): Owner {
  return { kind: "process", process: { pid, uid, name }, ancestors: [] };
}

function unknown(reason: UnknownReason, socket?: SocketOwner | null): Owner {
  return { kind: "unknown", reason, ...(typeof socket?.uid === "number" && { uid: socket.uid }) };
}
