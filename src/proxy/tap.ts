/**
 * The tap: a bounded copy of the relayed bytes, for the capture plane. This is all that the data plane knows
 * about capture. None of these calls may block, throw or fail.
 */

import type { CloseCause, Connection, UnreadConnection } from "../connection/connection.js";
import type { Direction } from "../connection/direction.js";
import type { TapBatch } from "./accept/front.js";

export interface Tap {
  push(direction: Direction, bytes: Uint8Array): void;
  end(direction: Direction): void;
  close(cause: CloseCause): void;
}

/** The capture plane, as the data plane sees it. */
export interface TapSink {
  open(connection: Connection): Tap;
  openCopied(connection: Connection, source: CopySource): CopiedTap;
  unread(connection: UnreadConnection): void;
}

/** A connection whose copy comes from the native front, in batches for all such connections (`CopySink`). */
export interface CopiedTap {
  /** It is not read after all: drops the copy, and no event is emitted for it. */
  abandon(): void;
  /** The connection has ended, and the batch with its end was received. */
  close(): void;
}

/** The front's side of such a connection. */
export interface CopySource {
  /** The front's own id of the connection. */
  readonly id: number;
  /** Stops copying; the connection continues. */
  stop(): void;
}

/** What the capture plane returns to the front. */
export interface CopyFront {
  consumed(id: number, bytes: number): void;
  giveBuffer(buffer: ArrayBuffer): void;
}

/** Receives the native front's batches. */
export interface CopySink {
  attach(front: CopyFront): void;
  take(batch: TapBatch): void;
  /** The copy of a connection reached its limit and ended; the connection continues. */
  lost(id: number): void;
}
