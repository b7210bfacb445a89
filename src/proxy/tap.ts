/**
 * The tap: a bounded copy of what passes, handed to the capture plane. This is all that the data plane knows
 * of capture. None of these calls may block, throw or fail.
 */

import type { CloseCause, Connection, UnreadConnection } from "../connection/connection.js";
import type { Direction } from "../exchange/exchange.js";

export interface Tap {
  push(direction: Direction, bytes: Uint8Array): void;
  end(direction: Direction): void;
  close(cause: CloseCause): void;
}

/** The capture plane, as the data plane sees it. */
export interface TapSink {
  open(connection: Connection): Tap;
  unread(connection: UnreadConnection): void;
}
