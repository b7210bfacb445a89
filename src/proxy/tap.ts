/**
 * The tap: a bounded copy of what passes, handed to the capture plane. This is all that the data plane knows
 * of capture. None of these calls may block, throw or fail.
 */

import type { AppMatch, Endpoint, Owner } from "../attribution/client.js";
import type { Direction, Scheme } from "../exchange/exchange.js";

/** What is known of a connection when its tap opens. Plain data: it crosses a thread. */
export interface ConnectionInfo {
  readonly id: number;
  /** Epoch ms of the accept. */
  readonly acceptedAt: number;
  readonly host: string;
  readonly port: number;
  readonly scheme: Scheme;
  /** The client's own address and port. */
  readonly peer: Endpoint;
  readonly destination: Endpoint;
  /** ALPN's choice; absent when there was none. */
  readonly protocol?: string;
  readonly owner: Owner;
  readonly app?: AppMatch;
}

export type CloseCause = "ended" | "client_aborted" | "server_closed";

export interface Tap {
  push(direction: Direction, bytes: Uint8Array): void;
  end(direction: Direction): void;
  close(cause: CloseCause): void;
}

/** A connection to a known host that was not read, and why. */
export interface UnreadConnection {
  readonly info: ConnectionInfo;
  readonly reason: string;
  readonly endedAt: number;
  /** Bytes from client to server and back, where they were counted. */
  readonly bytesUp?: number;
  readonly bytesDown?: number;
  readonly error?: string;
}

/** The capture plane, as the data plane sees it. */
export interface TapSink {
  open(info: ConnectionInfo): Tap;
  unread(connection: UnreadConnection): void;
}
