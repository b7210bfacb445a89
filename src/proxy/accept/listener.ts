/** The listener for redirected connections: the native front where there is one, else Node's own sockets. */

import type { Endpoint } from "../../connection/client.js";
import type { CloseCause } from "../../connection/connection.js";
import { LruCache } from "../../lru-cache.js";
import { abort, type RelayEnd, tcpSide } from "../relay.js";
import {
  type AcceptedConnection,
  type Crowd,
  type Listener,
  type ListenerOptions,
  listenOnLoopback,
} from "./accepted-connection.js";
import type { FrontConnection, FrontStats, PassthroughEnd } from "./front.js";
import { isNativeFrontSupported, NativeFront } from "./front-native.js";

const CAUSES: Record<PassthroughEnd["cause"], CloseCause> = {
  ended: "ended",
  client_reset: "client_aborted",
  server_reset: "server_closed",
  connect_failed: "server_closed",
  idle: "server_closed",
  destroyed: "server_closed",
};

/** Copied but unread bytes of one connection at which it waits; after that its copy ends. */
const MAX_COPIED = 16 << 20;

/** Fractions of the maximum. */
const CROWDED = 0.75;
const ROOM = 0.5;
const CROWD_MS = 100;

/** Listens on both loopback addresses. Throws OximyError, or the errors of Node's `listen`. */
export function listen<Lookup>(options: ListenerOptions<Lookup>): Promise<Listener> {
  return isNativeFrontSupported() ? Promise.resolve(listenNatively(options)) : listenOnLoopback(options);
}

function listenNatively<Lookup>(options: ListenerOptions<Lookup>): Listener {
  const passing = new Map<number, (end: RelayEnd) => void>();
  /** Ends of connections that the front passed through because the verdict took too long. */
  const endedAlone = new LruCache<number, RelayEnd>(1_000);
  const front: NativeFront = new NativeFront(
    {
      listen: ["127.0.0.1", "::1"].map((address) => ({ address, port: options.port })),
      ...(options.guests === undefined ? {} : { guests: options.guests }),
    },
    {
      onConnection: (connection) => {
        const accepted = acceptedByFront(front, connection, passing, endedAlone);
        const { peer, clientRemote, network } = accepted;
        const client = { peer, clientRemote, ...(network === undefined ? {} : { network }) };
        options.onConnection(accepted, options.onAccept(client));
      },
      onPassthroughEnd: ({ id, bytesUp, bytesDown, cause, error }) => {
        const ended = { cause: CAUSES[cause], bytesUp, bytesDown };
        const end = error === undefined ? ended : { ...ended, error };
        const resolve = passing.get(id);
        if (resolve) resolve(end);
        else endedAlone.set(id, end);
        passing.delete(id);
      },
      onTap: (batch) => options.copies?.take(batch),
      onTapLost: (id) => options.copies?.lost(id),
    },
  );
  options.copies?.attach({
    consumed: (id, bytes) => front.tapConsumed(id, bytes),
    giveBuffer: (buffer) => front.giveTapBuffer(buffer),
  });
  const crowd = options.onCrowd && watchCrowd(() => front.stats(), options.onCrowd);
  return {
    port: front.addresses[0]!.port,
    close: () => {
      clearInterval(crowd);
      void front.close();
    },
    destroy: () => {
      clearInterval(crowd);
      void front.destroy();
    },
  };
}

/** Reports each change once. The threshold for room is below that for a crowd, so that the state does not flap. */
export function watchCrowd(
  stats: () => Pick<FrontStats, "peeking" | "waiting" | "passing" | "acceptPauses" | "maxConnections">,
  report: (crowd: Crowd) => void,
): NodeJS.Timeout {
  let state: Crowd["state"] = "room";
  let pauses = 0;
  const check = () => {
    const { peeking, waiting, passing, acceptPauses, maxConnections: most } = stats();
    const held = peeking + waiting + passing;
    const isCrowded = held >= most * CROWDED || acceptPauses > pauses;
    pauses = acceptPauses;
    const next = isCrowded ? "crowded" : held <= most * ROOM ? "room" : state;
    if (next === state) return;
    state = next;
    report({ state, held, most });
  };
  return setInterval(check, CROWD_MS).unref();
}

function acceptedByFront(
  front: NativeFront,
  connection: FrontConnection,
  passing: Map<number, (end: RelayEnd) => void>,
  endedAlone: LruCache<number, RelayEnd>,
): AcceptedConnection {
  const { id, peer, local, destination, peeked, reason, network } = connection;
  let taken: ReturnType<NativeFront["take"]>;
  const whenPassed = (passageId: number) => {
    const end = endedAlone.get(passageId);
    return end ? Promise.resolve(end) : new Promise<RelayEnd>((resolve) => passing.set(passageId, resolve));
  };
  return {
    acceptedAt: performance.timeOrigin + performance.now(),
    peer,
    destination: destination ?? undefined,
    clientRemote: destination ?? local,
    ...(network === 0 ? {} : { network }),
    peeked,
    isSilent: peeked.length === 0 && reason === "timeout",
    take: () => {
      taken = front.take(id);
      // Small writes (the events of a stream) must not wait for the previous acknowledgement.
      return taken?.setNoDelay(true).on("error", () => {}); // until somebody reads it, errors are ignored
    },
    passthrough: (target: Endpoint) => {
      if (taken) return whenPassed(front.adopt(taken, Buffer.alloc(0), target));
      // Returns false when the front is already passing it through by itself.
      front.passthrough(id, target);
      return whenPassed(id);
    },
    copy: (target, tapId, hold) => {
      if (taken || !front.read(id, target, { maxTapBytes: MAX_COPIED, hold: hold === "hold", tapId })) {
        return undefined;
      }
      const release = () => front.release(id);
      return { id, release, stop: () => front.stopTap(id), end: whenPassed(id) };
    },
    reject: () => {
      if (taken) abort(tcpSide(taken));
      else front.reject(id);
    },
  };
}
