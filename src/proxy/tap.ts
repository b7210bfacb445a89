/**
 * The tap: a bounded copy of what passes, handed to the capture plane. This is all that the data plane knows
 * of capture. None of these calls may block, throw or fail.
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

/** A connection whose copy comes from the native front, in batches of all such connections (`CopySink`). */
export interface CopiedTap {
  /** It is not read after all: what was copied is dropped, and nothing is told of it. */
  abandon(): void;
  /** The connection has ended, and the batch with its end was taken. */
  close(): void;
}

/** The front's side of such a connection. */
export interface CopySource {
  /** The front's own number of it. */
  readonly id: number;
  /** No more copies; the connection goes on. */
  stop(): void;
}

/** What the front wants back. */
export interface CopyFront {
  consumed(id: number, bytes: number): void;
  giveBuffer(buffer: ArrayBuffer): void;
}

/** Where the native front's batches go. */
export interface CopySink {
  attach(front: CopyFront): void;
  take(batch: TapBatch): void;
  /** The copy of a connection reached its bound and ended; the connection goes on. */
  lost(id: number): void;
}
