/**
 * What passed on an intercepted connection, read from the copy. No I/O here: bytes in, exchanges out.
 */

import type { Direction } from "../connection/direction.js";
import type { ProtocolReason } from "../connection/reasons.js";

/**
 * Header fields in wire order, names as they were sent (HTTP/2: lower case, without pseudo-headers).
 * Values are decoded as latin1 with surrounding white space removed (RFC 9110 §5.5).
 */
export type Fields = ReadonlyArray<readonly [name: string, value: string]>;

/** A body after transfer decoding (chunked removed, DATA frames joined), before content decoding. */
export interface Body {
  /** The first bytes, at most `maxBody`; or the whole body, when it is no longer than `maxBody` and `maxTail` together. */
  readonly head: Buffer;
  /** The last bytes (at most `maxTail`) when the middle was cut; absent when `head` is the whole body. */
  readonly tail?: Buffer;
  /** Bytes that passed, kept or not. */
  readonly length: number;
  /** True when bytes between `head` and `tail` (or after `head`) were not kept. */
  readonly truncated: boolean;
}

export interface ExchangeRequest {
  readonly method: string;
  /** Request target as sent, in origin form where it could be made one: path with query. */
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

/** Why an exchange is not whole. */
export type ExchangeError =
  | "client_aborted" // the client went away before the end of the response
  | "server_closed" // the server closed or reset before the end of the response
  | "stream_reset" // HTTP/2 RST_STREAM or GOAWAY
  | "capture_lost"; // the tap was closed: traffic went on, we did not see it

/** A WebSocket message, whole, unmasked and decompressed, within the tap's bound. */
export interface WebSocketMessage {
  readonly direction: Direction;
  /** Epoch milliseconds, monotonic within a connection, may have fractions. */
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
   * hold no bytes: their length counts those of the messages, `truncated` says that messages are missing.
   */
  readonly messages?: readonly WebSocketMessage[];
  readonly error?: ExchangeError;
}

export interface ReaderLimits {
  /** Bytes kept from the start of each body. */
  readonly maxBody: number;
  /** Bytes kept from the end of a body that was cut. */
  readonly maxTail: number;
  /** Bytes of a header section (all fields together) above which the reader gives up. */
  readonly maxHeader: number;
}

/** Limits by which a body keeps no more than `bytes`, of which a quarter at most, and 64 KiB, is its end. */
export function limitsOf(bytes: number): ReaderLimits {
  const maxTail = Math.min(DEFAULT_LIMITS.maxTail, Math.floor(bytes / 4));
  return { ...DEFAULT_LIMITS, maxBody: bytes - maxTail, maxTail };
}

export const DEFAULT_LIMITS: ReaderLimits = { maxBody: 8 << 20, maxTail: 64 << 10, maxHeader: 256 << 10 };

export interface ReaderHandlers {
  /** Called once for each exchange, when it is complete or has failed. */
  onExchange(exchange: Exchange): void;
  /**
   * The bytes cannot be read as what they claim to be. Called at most once; the reader ignores all that
   * follows. `reason` is for counting.
   * `protocol` is what was read up to then.
   */
  onGiveUp(reason: ProtocolReason, protocol: string): void;
  /**
   * A message of a long-lived exchange while it lives: of a WebSocket, or of a gRPC or Connect stream (its envelope
   * taken off, decompressed). `exchange` is as far as it was seen.
   */
  onMessage?(exchange: Exchange, message: WebSocketMessage): void;
  /**
   * A response that is a stream of events begins, whose fields these are. What is returned is told of its bytes while
   * they come; `soFar` gives the exchange as far as it was seen.
   */
  onEventStream?(fields: Fields, soFar: (time: number) => Exchange): EventStreamListener;
}

export interface EventStreamListener {
  /** Transfer coding is removed, content coding is not; the bytes may be used again after. */
  push(bytes: Uint8Array, time: number): void;
  /** No more comes; `onExchange` is called with the same value next. */
  end(exchange: Exchange): void;
}

/**
 * Reads one intercepted connection from its tap. Implementations never throw and never keep a reference to
 * `bytes` beyond what they copy.
 */
export interface ConnectionReader {
  push(direction: Direction, bytes: Uint8Array, time: number): void;
  /** That direction ended in order (FIN). */
  end(direction: Direction, time: number): void;
  /** The connection is over: both directions, for whatever cause. Unfinished exchanges are reported. */
  close(cause: "ended" | "client_aborted" | "server_closed" | "capture_lost", time: number): void;
}
