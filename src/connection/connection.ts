/** A connection, from the verdict to the event. Plain data, since it is passed between threads. */

import type { AppMatch, Endpoint, Owner } from "./client.js";
import type { Scheme } from "./direction.js";
import type { Reason } from "./reasons.js";

/** How the content was obtained: with the session's own secrets, by interception, or it was plain text. */
export type Via = "read" | "intercept" | "plain";

export interface Connection {
  readonly id: number;
  /** Epoch ms of the accept. */
  readonly acceptedAt: number;
  readonly host: string;
  readonly port: number;
  readonly scheme: Scheme;
  /** Absent when none of the content is seen. */
  readonly via?: Via;
  /** The client's own address and port. */
  readonly peer: Endpoint;
  readonly destination: Endpoint;
  /** Negotiated by ALPN; absent when there was none, or it is not known yet. */
  readonly protocol?: string;
  readonly owner: Owner;
  readonly app?: AppMatch;
}

/** How a connection closed. */
export type CloseCause = "ended" | "client_aborted" | "server_closed";

/** A finished connection to a known host of which nothing was read, and why. */
export interface UnreadConnection {
  readonly connection: Connection;
  readonly reason: Reason;
  /** Epoch ms. */
  readonly endedAt: number;
  /** Bytes from client to server and back, where they were counted. */
  readonly bytesUp?: number;
  readonly bytesDown?: number;
  readonly error?: string;
}
