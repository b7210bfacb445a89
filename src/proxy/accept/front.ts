/** Input and output types of the native front (front-native.ts). */

import type { Endpoint } from "../../connection/client.js";

/**
 * What triggered the request for a verdict: a complete client hello, a complete HTTP head (or 16 KiB of it), bytes that
 * are neither, a timeout (without bytes: the client waits for the server to speak first), or the client has ended its
 * side.
 */
export type PeekReason = "client_hello" | "http" | "other" | "timeout" | "closed";

/** A connection that waits for its verdict. Nothing of it has been consumed, and nothing sent. */
export interface FrontConnection {
  readonly id: number;
  readonly peer: Endpoint;
  readonly local: Endpoint;
  /** The client's original destination; null when it was not redirected but connected to the front itself. */
  readonly destination: Endpoint | null;
  /** At most 24 KiB. */
  readonly peeked: Buffer;
  readonly reason: PeekReason;
  /** Number of the container network that it came in through; 0 for the machine's own. */
  readonly network: number;
}

/**
 * Operations on a connection that is read. A batch has four numbers for each: operation, tap id, time (epoch ms,
 * of the read from the socket), argument. The argument of `request` (client to server) and `response` is the length
 * of their bytes, that of `close` an index into `TAP_CLOSE_CAUSES`. After `close` nothing follows for that tap.
 * The numbers are those of the capture thread's batches, so that a batch can be posted to it unchanged.
 */
export const TAP_OP = { request: 1, response: 2, endRequest: 3, endResponse: 4, close: 5 } as const;
export const TAP_OP_WIDTH = 4;
export const TAP_CLOSE_CAUSES = ["ended", "client_aborted", "server_closed", "capture_lost"] as const;

/** What passed since the last batch on all connections that are read, in order. The receiver owns its arrays. */
export interface TapBatch {
  readonly ops: Float64Array;
  /** The bytes of `request` and `response` operations, concatenated. The underlying buffer may be larger. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** To be acknowledged by `tapConsumed`: two numbers per connection, its id and byte count. */
  readonly shares: Float64Array;
}

export interface ReadOptions {
  /** Limit of copied but unacknowledged bytes, both directions together, at which the relay waits; see front.h. */
  readonly maxTapBytes: number;
  /** Hold the server's first bytes until `release`, for `holdMs` at most. The client's are not held. */
  readonly hold: boolean;
  /** The number that identifies the connection in operations; defaults to its own id. */
  readonly tapId?: number;
}

/** How a passthrough ended. Only "ended" means that both sides closed in order. */
export type PassthroughCause =
  | "ended"
  | "client_reset"
  | "server_reset"
  | "connect_failed"
  | "idle"
  | "destroyed";

export interface PassthroughEnd {
  readonly id: number;
  /** Bytes accepted by the server from the client. */
  readonly bytesUp: number;
  /** Bytes accepted by the client from the server. */
  readonly bytesDown: number;
  /** Since the connection was accepted or adopted. */
  readonly durationMs: number;
  readonly cause: PassthroughCause;
  /** For "connect_failed": the system's code, such as ECONNREFUSED. */
  readonly error?: string;
}

export interface FrontHandlers {
  /** Must lead to one of `passthrough`, `take` and `reject`, immediately or later. */
  onConnection(connection: FrontConnection): void;
  /** Also for connections that were read, after the last batch that concerns them. */
  onPassthroughEnd?(end: PassthroughEnd): void;
  onTap?(batch: TapBatch): void;
  /** The limit was reached: the batch before had the tap's `close` ("capture_lost"). The connection continues. */
  onTapLost?(id: number): void;
}

export interface FrontOptions {
  /** Several addresses with port 0 share one free port. Addresses that the machine lacks are skipped. */
  readonly listen: readonly Endpoint[];
  /** After this long without a byte from the client, the server may speak first. */
  readonly silenceMs?: number;
  /** Time limit for a whole client hello or HTTP head. */
  readonly helloMs?: number;
  /**
   * A redirected connection whose verdict takes longer is passed through without one; twice this long while verdicts
   * on others keep arriving. 0 waits forever.
   */
  readonly verdictMs?: number;
  /** A passthrough idle in both directions for this long is closed (after up to twice as long); 0 never. */
  readonly idleMs?: number;
  /** Maximum number of open connections, beyond which accepting pauses; 0 derives it from the descriptor limit. */
  readonly maxConnections?: number;
  /** After accepting has paused for this long, queued clients are reset so that none hangs; 0 lets them wait. */
  readonly turnAwayMs?: number;
  /** The longest that a server's first bytes wait for `release`. */
  readonly holdMs?: number;
  /** Copied bytes are batched for this long: waking the reader costs more than reading. */
  readonly tapGatherMs?: number;
  /** Descriptor on which root sends listeners of container networks; takes ownership. -1 for none. */
  readonly guests?: number;
}

export const FRONT_DEFAULTS: Required<Omit<FrontOptions, "listen">> = {
  silenceMs: 300,
  helloMs: 3_000,
  verdictMs: 2_000,
  idleMs: 24 * 3_600_000,
  maxConnections: 0,
  turnAwayMs: 1_000,
  holdMs: 150,
  tapGatherMs: 25,
  guests: -1,
};

/** Totals since the start, except the first three: current connections. */
export interface FrontStats {
  readonly peeking: number;
  readonly waiting: number;
  readonly passing: number;
  readonly accepted: number;
  readonly taken: number;
  readonly rejected: number;
  readonly passed: number;
  /** Of those passed: connections that were read, and how many of their taps were lost (counted when they end). */
  readonly read: number;
  readonly lostTaps: number;
  /** Reset by the client before a verdict was requested. */
  readonly aborted: number;
  /** Passed through because the verdict did not come in time. */
  readonly unanswered: number;
  /** How often accepting paused: at the limit, or for lack of descriptors. */
  readonly acceptPauses: number;
  /** Reset because there was no room for longer than `turnAwayMs`. */
  readonly turnedAway: number;
  /** As given, or derived. */
  readonly maxConnections: number;
}
