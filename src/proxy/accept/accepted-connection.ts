/**
 * An accepted connection whose first bytes were peeked at and not consumed. Created by listeners (Node's here, the
 * native front elsewhere, the explicit proxy's tunnels); the data plane decides what is done with it.
 */

import { connect, createServer, type Server, type Socket } from "node:net";
import type { Endpoint } from "../../connection/client.js";
import { abort, type RelayEnd, relay, type Side, tcpSide } from "../relay.js";
import type { CopySink, CopySource } from "../tap.js";
import { readOpening } from "../verdict/opening.js";
import { FRONT_DEFAULTS } from "./front.js";

export interface AcceptedConnection {
  /** Epoch ms. */
  readonly acceptedAt: number;
  /** The client's own end. */
  readonly peer: Endpoint;
  /** The client's original destination; absent when it connected to the listener directly. */
  readonly destination: Endpoint | undefined;
  /** The far end of the client's socket as the client itself sees it: used to look up its owner. */
  readonly clientRemote: Endpoint;
  /** Number of the container network that it comes from; absent for the machine's own. */
  readonly network?: number;
  /** First bytes, as many as a verdict needs; more may have arrived since. */
  readonly peeked: Buffer;
  /** The client is connected and has sent nothing yet: it waits for the server to speak first, or is slow to start. */
  readonly isSilent: boolean;
  /** The connection to the server, if there already is one; returns it once. */
  takeServer?(): Side | undefined;
  /** The whole stream, peeked bytes included; undefined when the connection has ended meanwhile. */
  take(): Socket | undefined;
  /**
   * Connects to `target` and relays everything, peeked bytes included; also after `take`, as long as nothing was
   * read from the socket. Never rejects.
   */
  passthrough(target: Endpoint): Promise<RelayEnd>;
  /**
   * Like `passthrough`, and also copies the bytes to the listener's `copies`, where the listener supports that.
   * Undefined when the front is already passing it through by itself.
   */
  copy?(target: Endpoint, tapId: number, hold: "hold" | "release"): CopiedPassage | undefined;
  /** Ends it with a reset. */
  reject(): void;
}

export interface CopiedPassage extends CopySource {
  /** Stops holding back the server's bytes. */
  release(): void;
  /** Never rejects. */
  readonly end: Promise<RelayEnd>;
}

/**
 * Waits for enough bytes for a verdict and leaves them in the socket's buffer, unless it has ended: then nothing
 * can be put back. Resolves with the bytes received so far when the client stays silent, ends or fails.
 */
export function peek(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => {
    let bytes: Buffer = Buffer.alloc(0);
    const settle = () => {
      clearTimeout(timer);
      socket.off("readable", read).off("end", settle).off("close", settle);
      if (bytes.length > 0 && !socket.destroyed && !socket.readableEnded) socket.unshift(bytes);
      resolve(bytes);
    };
    const read = () => {
      for (
        let chunk = socket.read() as Buffer | null;
        chunk !== null;
        chunk = socket.read() as Buffer | null
      ) {
        bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      }
      if (bytes.length > 0 && readOpening(bytes).kind !== "incomplete") settle();
    };
    let timer = setTimeout(() => {
      if (bytes.length === 0) settle();
      else timer = setTimeout(settle, FRONT_DEFAULTS.helloMs);
    }, FRONT_DEFAULTS.silenceMs);
    socket.on("readable", read).once("end", settle).once("close", settle);
  });
}

/** The accepted connection of a socket that Node holds. */
export function acceptedSocket(
  socket: Socket,
  peeked: Buffer,
  ends: Pick<AcceptedConnection, "acceptedAt" | "peer" | "destination" | "clientRemote">,
): AcceptedConnection {
  return {
    ...ends,
    peeked,
    isSilent: peeked.length === 0 && !socket.readableEnded && !socket.destroyed,
    take: () => socket,
    passthrough: async (target) => {
      const upstream = connect({
        host: target.address,
        port: target.port,
        allowHalfOpen: true,
        noDelay: true,
      });
      const gone = socket.readableEnded ? peeked : Buffer.alloc(0);
      if (gone.length > 0) upstream.write(gone);
      const end = await relay(tcpSide(socket), tcpSide(upstream));
      return { ...end, bytesUp: end.bytesUp + gone.length };
    },
    reject: () => abort(tcpSide(socket)),
  };
}

/** @typeParam Lookup the result of `onAccept`, passed to `onConnection` */
export interface ListenerOptions<Lookup = unknown> {
  /** 0 takes any free port, the same for both addresses. */
  readonly port: number;
  /** Original destination of an accepted socket; `null` when it has none. */
  readonly originalDestination: (socket: Socket) => Endpoint | null;
  /** Called immediately when a connection is accepted, while its client is certain to exist. */
  readonly onAccept: (accepted: Pick<AcceptedConnection, "peer" | "clientRemote" | "network">) => Lookup;
  readonly onConnection: (accepted: AcceptedConnection, lookup: Lookup) => void;
  readonly copies?: CopySink;
  /** As in `FrontOptions`; for the native front only. */
  readonly guests?: number;
  /** Called when nearly as many connections are open as can be held, and when there is room again. */
  readonly onCrowd?: (crowd: Crowd) => void;
}

export interface Crowd {
  readonly state: "crowded" | "room";
  /** Open connections, and the maximum. */
  readonly held: number;
  readonly most: number;
}

export interface Listener {
  readonly port: number;
  /** Stops accepting; open connections continue. */
  close(): void;
  /** Resets the connections that it still owns. */
  destroy(): void;
}

/** Both ends of an accepted socket. IPv4-mapped IPv6 addresses are converted to IPv4 here and nowhere else. */
export function endsOf(socket: Socket): { peer: Endpoint; local: Endpoint } {
  const plain = (address = "") => address.replace(/^::ffff:(?=\d+\.)/i, "");
  return {
    peer: { address: plain(socket.remoteAddress), port: socket.remotePort ?? 0 },
    local: { address: plain(socket.localAddress), port: socket.localPort ?? 0 },
  };
}

/** Listens on both loopback addresses: IPv4 redirects land on 127.0.0.1, IPv6 ones on ::1. */
export async function listenOnLoopback<Lookup>(options: ListenerOptions<Lookup>): Promise<Listener> {
  const sockets = new Set<Socket>();
  const accept = (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // An error here has no handler yet; whoever takes the socket adds its own.
    socket.on("error", () => {});
    const acceptedAt = performance.timeOrigin + performance.now();
    const { peer, local } = endsOf(socket);
    const original = options.originalDestination(socket);
    const own = original !== null && original.port === local.port && original.address === local.address;
    const destination = original === null || own ? undefined : original;
    const clientRemote = destination ?? local;
    const lookup = options.onAccept({ peer, clientRemote });
    void peek(socket).then((peeked) =>
      options.onConnection(
        acceptedSocket(socket, peeked, { acceptedAt, peer, destination, clientRemote }),
        lookup,
      ),
    );
  };
  const listen = (host: string, port: number) =>
    new Promise<Server>((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
      server.once("error", reject);
      // macOS limits it to 128 (kern.ipc.somaxconn).
      server.listen({ host, port, backlog: 1024 }, () => resolve(server));
    });
  const first = await listen("127.0.0.1", options.port);
  const port = (first.address() as { port: number }).port;
  const servers = [first];
  try {
    servers.push(await listen("::1", port));
  } catch (error) {
    // A machine without IPv6 has no ::1; a port that is taken there is an error.
    if (!["EADDRNOTAVAIL", "EAFNOSUPPORT"].includes((error as NodeJS.ErrnoException).code ?? "")) {
      first.close();
      throw error;
    }
  }
  return {
    port,
    close: () => {
      for (const server of servers) server.close();
    },
    destroy: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
  };
}
