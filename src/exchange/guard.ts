import type { Direction } from "../connection/direction.js";
import type { ProtocolReason } from "../connection/reasons.js";
import type { ConnectionReader, ReaderHandlers } from "./exchange.js";

export type CloseCause = Parameters<ConnectionReader["close"]>[0];

/** The bytes violate their protocol. */
export class ProtocolError extends Error {
  constructor(readonly reason: ProtocolReason) {
    super(reason);
    this.name = "ProtocolError";
  }
}

/** A protocol's reader: it may throw `ProtocolError`, and is not called again after that. */
export interface ReaderCore {
  /** What is being read: `http/1.1`, `h2`, `websocket`. */
  readonly protocol: string;
  push(direction: Direction, bytes: Buffer, time: number): void;
  end(direction: Direction, time: number): void;
  close(cause: CloseCause, time: number): void;
}

/**
 * Wraps a core into a reader that never throws: any error stops reading the connection, is counted, and open exchanges
 * are reported as `capture_lost`.
 */
export function guardReader(core: ReaderCore, handlers: ReaderHandlers): ConnectionReader {
  let over = false;
  const attempt = (work: () => void, time: number): void => {
    if (over) return;
    try {
      work();
    } catch (error) {
      over = true;
      giveUp(error instanceof ProtocolError ? error.reason : "reader_failed", time);
    }
  };
  const giveUp = (reason: ProtocolReason, time: number): void => {
    const protocol = core.protocol;
    try {
      core.close("capture_lost", time);
    } catch {
      // The core has already failed; what it still held is covered by the count below.
    }
    handlers.onGiveUp(reason, protocol);
  };
  return {
    push(direction, bytes, time) {
      const buffer = Buffer.isBuffer(bytes)
        ? bytes
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      attempt(() => core.push(direction, buffer, time), time);
    },
    end(direction, time) {
      attempt(() => core.end(direction, time), time);
    },
    close(cause, time) {
      attempt(() => core.close(cause, time), time);
      over = true;
    },
  };
}
