/** Moves bytes between two open streams unchanged, and forwards half-close, backpressure and aborts. */

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { CloseCause } from "../connection/connection.js";
import type { Direction } from "../connection/direction.js";

export interface RelayWatcher {
  /** The server's bytes wait for this; the client's do not. Must resolve. */
  readonly release?: Promise<unknown>;
  onBytes?(direction: Direction, bytes: Buffer): void;
  onEnd?(direction: Direction): void;
}

export interface RelayEnd {
  readonly cause: CloseCause;
  readonly error?: string;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** One end of a relay: its byte stream, and the TCP socket below it if that is a different object. */
export interface Side {
  readonly stream: Duplex;
  readonly socket: Socket;
}

export const tcpSide = (socket: Socket): Side => ({ stream: socket, socket });

/**
 * Ends a side with a reset, so that its peer sees that the other side failed. Deferred: closing the socket
 * below a TLS session from within one of its callbacks crashes Node.
 */
export function abort({ stream, socket }: Side): void {
  setImmediate(() => {
    if (!socket.destroyed) socket.resetAndDestroy();
    stream.destroy();
  });
}

/** Delay before the first keep-alive probe of an idle connection; the rest is the system's default. */
const KEEP_ALIVE_MS = 60_000;

/**
 * Relays until both directions have ended or one side fails. Both streams must allow half-open use and belong
 * to the relay from here on; either may already have ended or closed. Resolves once, when both are closed; never
 * rejects.
 */
export function relay(client: Side, server: Side, watcher: RelayWatcher = {}): Promise<RelayEnd> {
  return new Promise((resolve) => {
    const bytes = { request: 0, response: 0 };
    let open = 2;
    let cause: CloseCause = "ended";
    let error: string | undefined;

    const fail = (side: Side, other: Side, failure?: Error) => {
      if (cause !== "ended") return;
      cause = side === client ? "client_aborted" : "server_closed";
      error = failure && ((failure as NodeJS.ErrnoException).code ?? failure.message);
      abort(other);
    };

    const forward = (from: Side, to: Side, direction: Direction) => {
      let ended = false;
      const end = () => {
        ended = true;
        watcher.onEnd?.(direction);
        to.stream.end();
      };
      const close = () => {
        if (!ended) fail(from, to);
        if (--open === 0) {
          const end = { cause, bytesUp: bytes.request, bytesDown: bytes.response };
          resolve(error === undefined ? end : { ...end, error });
        }
      };
      from.stream.on("error", (failure) => fail(from, to, failure));
      // An earlier close emits no further event.
      if (from.stream.closed) return close();
      from.stream.on("close", close);
      to.stream.on("drain", () => {
        if (from.stream.isPaused()) from.stream.resume();
      });
      if (from.stream.readableEnded) return end();
      from.stream.on("end", end);
      const start = () =>
        from.stream.on("data", (chunk: Buffer) => {
          bytes[direction] += chunk.length;
          if (!to.stream.write(chunk)) from.stream.pause();
          watcher.onBytes?.(direction, chunk);
        });
      if (watcher.release && direction === "response") void watcher.release.then(start);
      else start();
    };
    // A side that vanished without closing must not keep the other open forever.
    for (const { socket } of [client, server]) socket.setKeepAlive(true, KEEP_ALIVE_MS);
    forward(client, server, "request");
    forward(server, client, "response");
  });
}
