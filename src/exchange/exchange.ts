/**
 * The exchanges of a captured connection, read from a copy of its bytes. No I/O here: bytes in, exchanges out.
 */

import type { Direction } from "../connection/direction.js";
import type { ProtocolReason } from "../connection/reasons.js";

/**
 * Header fields in wire order, names as sent (HTTP/2: lower case, without pseudo-headers).
 * Values are decoded as latin1 with surrounding white space removed (RFC 9110 §5.5).
 */
export type Fields = ReadonlyArray<readonly [name: string, value: string]>;

/** A body after transfer decoding (chunked removed, DATA frames joined), before content decoding. */
export interface Body {
  /** The first `maxBody` bytes at most; or the whole body if it fits into `maxBody` plus `maxTail`. */
  readonly head: Buffer;
  /** The last bytes (at most `maxTail`) when the middle was dropped; absent when `head` is the whole body. */
  readonly tail?: Buffer;
  /** Bytes seen, kept or not. */
  readonly length: number;
  /** True when bytes between `head` and `tail` (or after `head`) were not kept. */
  readonly truncated: boolean;
}

export interface ExchangeRequest {
  readonly method: string;
  /** Request target, converted to origin form (path and query) where possible, else as sent. */
  readonly path: string;
  /** `Host` or `:authority`, as sent; absent when the client sent none. */
  readonly authority?: string;
  readonly fields: Fields;
  readonly trailers: Fields;
  readonly body: Body;
}

export interface ExchangeResponse {
  readonly status: number;
  readonly fields: Fields;
  readonly trailers: Fields;
  readonly body: Body;
}

/** Why an exchange is incomplete. */
export type ExchangeError =
  | "client_aborted" // the client disconnected before the end of the response
  | "server_closed" // the server closed or reset before the end of the response
  | "stream_reset" // HTTP/2 RST_STREAM or GOAWAY
  | "capture_lost"; // the tap was closed: traffic continued unseen

/** A complete WebSocket message, unmasked and decompressed, up to the size limit. */
export interface WebSocketMessage {
  readonly direction: Direction;
  /** Epoch milliseconds, possibly fractional; monotonic within a connection. */
  readonly time: number;
  readonly kind: "text" | "binary";
  readonly data: Buffer;
  readonly truncated: boolean;
}

/** One HTTP request and its response, or one WebSocket. Times are epoch ms, monotonic within a connection. */
export interface Exchange {
  readonly protocol: "http/1.0" | "http/1.1" | "h2" | "websocket";
  /** HTTP/2 stream id. */
  readonly streamId?: number;
  /** First byte of the request. */
  readonly startedAt: number;
  /** Last byte of the request; absent when the request did not end. */
  readonly requestEndedAt?: number;
  /** First byte of the final response (its status line or HEADERS); absent when none came. */
  readonly responseStartedAt?: number;
  /** Last byte of the response, or the moment of the failure. */
  readonly endedAt: number;
  readonly request: ExchangeRequest;
  readonly response?: ExchangeResponse;
  /**
   * Messages so far (WebSocket only): the first ones up to `maxBody`, the last ones up to `maxTail`. The bodies then
   * hold no bytes: `length` is the total of the messages, and `truncated` means that messages are missing.
   */
  readonly messages?: readonly WebSocketMessage[];
  readonly error?: ExchangeError;
}

export interface ReaderLimits {
  /** Bytes kept from the start of each body. */
  readonly maxBody: number;
  /** Bytes kept from the end of a truncated body. */
  readonly maxTail: number;
  /** Bytes of a header section (all fields together) above which the reader gives up. */
  readonly maxHeader: number;
}

/** Limits that keep at most `bytes` of a body; its tail gets at most a quarter of that, and at most 64 KiB. */
export function limitsOf(bytes: number): ReaderLimits {
  const maxTail = Math.min(DEFAULT_LIMITS.maxTail, Math.floor(bytes / 4));
  return { ...DEFAULT_LIMITS, maxBody: bytes - maxTail, maxTail };
}

export const DEFAULT_LIMITS: ReaderLimits = { maxBody: 8 << 20, maxTail: 64 << 10, maxHeader: 256 << 10 };

export interface ReaderHandlers {
  /** Called once for each exchange, when it is complete or has failed. */
  onExchange(exchange: Exchange): void;
  /**
   * The bytes violate their protocol, or a limit. Called at most once; the reader ignores everything after it. `reason`
   * is for statistics, `protocol` is what was being read.
   */
  onGiveUp(reason: ProtocolReason, protocol: string): void;
  /**
   * A message of an exchange that is still open: of a WebSocket, or of a gRPC or Connect stream (unwrapped and
   * decompressed). `exchange` is the exchange so far.
   */
  onMessage?(exchange: Exchange, message: WebSocketMessage): void;
  /**
   * An event stream response with these fields begins. The returned listener receives its bytes as they arrive; `soFar`
   * returns the exchange so far.
   */
  onEventStream?(fields: Fields, soFar: (time: number) => Exchange): EventStreamListener;
}

export interface EventStreamListener {
  /** Bytes without transfer coding, but with content coding; the buffer may be reused after the call. */
  push(bytes: Uint8Array, time: number): void;
  /** The stream has ended; `onExchange` is called with the same value next. */
  end(exchange: Exchange): void;
}

/**
 * Reads one captured connection from its tap. Implementations never throw, and copy what they need of `bytes`.
 */
export interface ConnectionReader {
  push(direction: Direction, bytes: Uint8Array, time: number): void;
  /** The direction ended normally (FIN). */
  end(direction: Direction, time: number): void;
  /** The connection is closed in both directions. Unfinished exchanges are reported. */
  close(cause: "ended" | "client_aborted" | "server_closed" | "capture_lost", time: number): void;
}
