/** What the native front (front-native.ts) takes and tells. */

import type { Endpoint } from "../../connection/client.js";

/**
 * Why the verdict is asked for now: the client hello is whole, an HTTP head is whole (or 16 KiB of it are there),
 * the bytes are neither, time is up (with no bytes: the client waits for the server to speak first), or the
 * client has ended its side.
 */
export type PeekReason = "client_hello" | "http" | "other" | "timeout" | "closed";

/** A connection that waits for its verdict. Nothing of it has been consumed or answered. */
export interface FrontConnection {
  readonly id: number;
  readonly peer: Endpoint;
  readonly local: Endpoint;
  /** Where the client meant to go; null when it was not redirected but came to the front itself. */
  readonly destination: Endpoint | null;
  /** At most 24 KiB. */
  readonly peeked: Buffer;
  readonly reason: PeekReason;
  /** Number of the container's network that it came in; 0 for the machine's own. */
  readonly network: number;
}

/**
 * What happened on a connection that is read. A batch has four numbers for each: operation, tap id, time (epoch ms,
 * of the read from the socket), argument. The argument of `request` (client to server) and `response` is the length
 * of their bytes, that of `close` an index into `TAP_CLOSE_CAUSES`. After `close` comes nothing more of that tap.
 * The numbers are those of the capture thread's batches, so that a batch can be posted to it as it is.
 */
export const TAP_OP = { request: 1, response: 2, endRequest: 3, endResponse: 4, close: 5 } as const;
export const TAP_OP_WIDTH = 4;
export const TAP_CLOSE_CAUSES = ["ended", "client_aborted", "server_closed", "capture_lost"] as const;

/** What passed on all connections that are read since the last batch, in order. Its arrays are the receiver's own. */
export interface TapBatch {
  readonly ops: Float64Array;
  /** The bytes of `request` and `response` operations, end to end. Its buffer may be larger than it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What is to be acknowledged by `tapConsumed`: two numbers for each connection, its id and bytes. */
  readonly shares: Float64Array;
}

export interface ReadOptions {
  /** Bytes that were copied and are not acknowledged, both directions together, at which the relay waits; see front.h. */
  readonly maxTapBytes: number;
  /** The server's first bytes wait for `release`, `holdMs` at most. The client's go on at once. */
  readonly hold: boolean;
  /** The number that operations name the connection by; its own id when absent. */
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
  /** Bytes that the server took from the client. */
  readonly bytesUp: number;
  /** Bytes that the client took from the server. */
  readonly bytesDown: number;
  /** Since the connection was accepted or adopted. */
  readonly durationMs: number;
  readonly cause: PassthroughCause;
  /** For "connect_failed": the system's code, such as ECONNREFUSED. */
  readonly error?: string;
}

export interface FrontHandlers {
  /** Must lead to one of `passthrough`, `take` and `reject`, at once or later. */
  onConnection(connection: FrontConnection): void;
  /** Also of connections that were read, after the last batch with anything of theirs. */
  onPassthroughEnd?(end: PassthroughEnd): void;
  onTap?(batch: TapBatch): void;
  /** The bound was reached: the batch before had the tap's `close` ("capture_lost"). The connection goes on. */
  onTapLost?(id: number): void;
}

export interface FrontOptions {
  /** Port 0 at several addresses means the same free port at each. Addresses that the machine lacks are left out. */
  readonly listen: readonly Endpoint[];
  /** A client that sends nothing for so long lets the server speak first. */
  readonly silenceMs?: number;
  /** Time for a whole client hello or HTTP head. */
  readonly helloMs?: number;
  /**
   * A redirected connection whose verdict takes longer is passed through without one; twice as long while
   * there are verdicts on others. 0 waits for ever.
   */
  readonly verdictMs?: number;
  /** A passthrough without a byte either way for so long is cut (it may take up to twice as long); 0 never. */
  readonly idleMs?: number;
  /** Connections held at a time, beyond which accepting pauses; 0 derives it from the descriptor limit. */
  readonly maxConnections?: number;
  /** Accepting that pauses for longer resets who waits, so that nobody hangs; 0 lets them wait. */
  readonly turnAwayMs?: number;
  /** The longest that a server's first bytes wait for `release`. */
  readonly holdMs?: number;
  /** What was copied waits so long for more: to wake whoever reads it costs more than to read it. */
  readonly tapGatherMs?: number;
  /** Descriptor by which root gives listeners of containers' networks; taken over. -1 for none. */
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

/** Counted since the start, but for the first three: connections held now. */
export interface FrontStats {
  readonly peeking: number;
  readonly waiting: number;
  readonly passing: number;
  readonly accepted: number;
  readonly taken: number;
  readonly rejected: number;
  readonly passed: number;
  /** Of those that passed: read, and among them those whose tap was lost (told when they end). */
  readonly read: number;
  readonly lostTaps: number;
  /** Reset by the client before a verdict was asked for. */
  readonly aborted: number;
  /** Passed through because the verdict did not come in time. */
  readonly unanswered: number;
  /** Times that accepting paused: at the limit, or for want of descriptors. */
  readonly acceptPauses: number;
  /** Reset because there was no room for longer than `turnAwayMs`. */
  readonly turnedAway: number;
  /** As it was given, or derived. */
  readonly maxConnections: number;
}
