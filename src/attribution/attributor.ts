import type { Attributor, Owner, SocketTuple } from "../connection/client.js";
import { LruCache } from "../lru-cache.js";
import type { ConnectRecord, NativeAddon, ProcessInfo, SocketOwner } from "./native.js";
import { createProcessTree, outlineOf, type ProcessReader, type ProcessTreeOptions } from "./process-tree.js";
import { withTimeout } from "./time-limit.js";

const LIMIT_MS = 200;
/** Looking at one remembered process costs some 0.1 ms, at all of them up to 300 ms. */
const MAX_CANDIDATES = 16;
const MAX_REMEMBERED = 256;

export interface AttributorOptions extends ProcessTreeOptions {
  readonly limitMs?: number;
}

/** The part of the native addon that attribution stands on. */
export type ProcessSource = ProcessReader &
  Pick<NativeAddon, "socketOwner" | "findProcess" | "findUserBelow" | "connectRecord" | "recordedProcesses">;

/** Why an owner is not known, as found in `Owner.reason`. */
export type UnknownReason =
  | "unsupported" // this system has no native implementation
  | "no_socket" // the kernel knows no such socket: the client has reset it, or lives elsewhere
  | "client_gone" // the client closed the socket or ended before it could be looked at
  | "timeout"
  | "failed"; // a call failed that should not

/** What the kernel told at once, when the lookup was called. */
interface Traces {
  readonly socket: SocketOwner | null;
  /** Who called connect(), where the kernel writes that down (`attachConnectRecorder`). */
  readonly record: ConnectRecord | null;
  /** The recorded process; undefined when it ended too early to be read. */
  readonly process: ProcessInfo | undefined;
  /** Those of the recorded process. */
  readonly ancestors: () => readonly ProcessInfo[];
  /** The recorded process, or the child that uses its socket by now; null when somebody else does, or none is recorded. */
  readonly user: number | null;
}

/**
 * Answers from the kernel of this machine. The record of the connect is believed first: it is exact, also when the
 * client has gone. Without it, and when the recorded process may have handed its socket on, the owner is the
 * process that holds the socket.
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

  /** What the process runs now, if it still does: after exec(2) it is another program that uses the socket. */
  const asOfNow = ({ pid, startTime }: ConnectRecord): ProcessInfo | undefined => {
    const now = source.processInfo(pid);
    // One that has ended and waits for its parent keeps its pid, and has no executable any more.
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

  /** Tells `found` the process as soon as it is, because files are read after that. */
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
    // The native walk ends at the same limit, so that a walk that found nothing may only have run out of time.
    if (traces.socket === null) return unknown("no_socket");
    return unknown(Date.now() >= deadline ? "timeout" : "client_gone", traces.socket);
  };

  return {
    // Not async, and the first calls before anything is waited for: now the client's socket still exists.
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

/** What can be said without waiting for anything. */
function atOnce({ socket, record, process, ancestors, user }: Traces): Owner {
  if (user === null) return unknown("timeout", socket);
  if (process !== undefined) return outlineOf(process, ancestors());
  return record !== null ? recordedOwner(record) : unknown("timeout", socket);
}

/** A process that ended before anybody could look at it: only what the kernel wrote down. */
function recordedOwner({ pid, uid, name }: ConnectRecord): Owner {
  return { kind: "process", process: { pid, uid, name }, ancestors: [] };
}

function unknown(reason: UnknownReason, socket?: SocketOwner | null): Owner {
  return { kind: "unknown", reason, ...(typeof socket?.uid === "number" && { uid: socket.uid }) };
}
