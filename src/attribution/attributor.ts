import type { Attributor, Owner } from "./client.js";
import { LruCache } from "./lru-cache.js";
import type { NativeAddon, SocketOwner } from "./native.js";
import { createProcessTree, type ProcessReader, type ProcessTreeOptions } from "./process-tree.js";

const LIMIT_MS = 200;
/** Looking at one remembered process costs some 0.1 ms, at all of them up to 300 ms. */
const MAX_CANDIDATES = 16;
const MAX_REMEMBERED = 256;

export interface AttributorOptions extends ProcessTreeOptions {
  readonly limitMs?: number;
}

/** The part of the native addon that attribution stands on. */
export type ProcessSource = ProcessReader & Pick<NativeAddon, "socketOwner" | "findProcess">;

/** Why an owner is not known, as found in `Owner.reason`. */
export type UnknownReason =
  | "unsupported" // this system has no native implementation
  | "no_socket" // the kernel knows no such socket: the client has reset it, or lives elsewhere
  | "client_gone" // the client closed the socket or ended before it could be looked at
  | "timeout"
  | "failed"; // a call failed that should not

/** Answers from the kernel of this machine. */
export function createAttributor(source: ProcessSource, options: AttributorOptions = {}): Attributor {
  const { limitMs = LIMIT_MS } = options;
  const processes = createProcessTree(source, options);
  /** Processes that owned sockets before: an app opens many. */
  const remembered = new LruCache<number, { uid: number | null }>(MAX_REMEMBERED);

  const findPid = async (socket: SocketOwner): Promise<number | null> => {
    if (socket.pid !== null) return socket.pid;
    if (socket.inode === 0) return null;
    const candidates = remembered.recentKeys().filter((pid) => remembered.peek(pid)?.uid === socket.uid);
    const { uid, cgroupId } = socket;
    return source.findProcess(
      socket.inode,
      { candidates: candidates.slice(0, MAX_CANDIDATES), uid, cgroupId },
      limitMs,
    );
  };

  const ownerOf = async (socket: SocketOwner, deadline: number): Promise<Owner> => {
    const pid = await findPid(socket);
    // The native walk ends at the same limit, so that a walk that found nothing may only have run out of time.
    if (pid === null) return unknown(Date.now() >= deadline ? "timeout" : "client_gone", socket);
    remembered.set(pid, { uid: socket.uid });
    return (await processes.describe(pid)) ?? unknown("client_gone", socket);
  };

  return {
    // Not async, and the first call before anything is waited for: now the client's socket still exists.
    lookup(tuple) {
      if (source.implementation === "none") return Promise.resolve(unknown("unsupported"));
      try {
        const socket = source.socketOwner(tuple);
        if (socket === null) return Promise.resolve(unknown("no_socket"));
        const owner = ownerOf(socket, Date.now() + limitMs).catch(() => unknown("failed", socket));
        return within(limitMs, owner, unknown("timeout", socket));
      } catch {
        return Promise.resolve(unknown("failed"));
      }
    },
    async close() {
      remembered.clear();
    },
  };
}

function unknown(reason: UnknownReason, socket?: SocketOwner): Owner {
  return { kind: "unknown", reason, ...(typeof socket?.uid === "number" && { uid: socket.uid }) };
}

async function within<T>(ms: number, answer: Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(resolve, ms, otherwise);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
