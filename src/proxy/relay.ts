/** Moves bytes between two open streams, untouched, with half-close, backpressure and aborts handed on. */

import type { Duplex } from "node:stream";
import type { Direction } from "../exchange/exchange.js";
import type { CloseCause } from "./tap.js";

export interface RelayWatcher {
  onBytes?(direction: Direction, bytes: Buffer): void;
  onEnd?(direction: Direction): void;
}

export interface RelayEnd {
  readonly cause: CloseCause;
  readonly error?: string;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** A reset where the stream can send one, so that the other side sees what happened on this side. */
export function abort(stream: Duplex): void {
  if ("resetAndDestroy" in stream && typeof stream.resetAndDestroy === "function") stream.resetAndDestroy();
  else stream.destroy();
}

/**
 * Relays until both directions have ended or one side fails. Both streams must allow half-open use and belong
 * to the relay from here on. Resolves once, when both are closed; never rejects.
 */
export function relay(client: Duplex, server: Duplex, watcher: RelayWatcher = {}): Promise<RelayEnd> {
  return new Promise((resolve) => {
    const bytes = { request: 0, response: 0 };
    let open = 2;
    let cause: CloseCause = "ended";
    let error: string | undefined;

    const fail = (side: Duplex, other: Duplex, failure?: Error) => {
      if (cause !== "ended") return;
      cause = side === client ? "client_aborted" : "server_closed";
      error = failure && ((failure as NodeJS.ErrnoException).code ?? failure.message);
      if (!side.destroyed) side.destroy();
      if (!other.destroyed) abort(other);
    };

    const forward = (from: Duplex, to: Duplex, direction: Direction) => {
      let ended = false;
      from.on("data", (chunk: Buffer) => {
        bytes[direction] += chunk.length;
        if (!to.write(chunk)) from.pause();
        watcher.onBytes?.(direction, chunk);
      });
      to.on("drain", () => from.resume());
      from.on("end", () => {
        ended = true;
        watcher.onEnd?.(direction);
        to.end();
      });
      from.on("error", (failure) => fail(from, to, failure));
      from.on("close", () => {
        if (!ended || from.errored) fail(from, to);
        if (--open === 0) {
          const end = { cause, bytesUp: bytes.request, bytesDown: bytes.response };
          resolve(error === undefined ? end : { ...end, error });
        }
      });
    };
    forward(client, server, "request");
    forward(server, client, "response");
  });
}
