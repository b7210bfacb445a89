/** The meaning of an exchange. No I/O. */

import type { Fields } from "../exchange/exchange.js";

export type InteractionType =
  | "chat"
  | "completion"
  | "embedding"
  | "image"
  | "audio"
  | "moderation"
  | "realtime"
  | "token_count"
  | "batch"
  | "search"
  | "rerank"
  | "mcp"
  | "unknown";

/** Normalised names only; the provider's own numbers are in `_raw`. */
export interface Usage {
  input_tokens?: number;
  output_tokens?: number;
  total_tokens?: number;
  cache_read_tokens?: number;
  cache_creation_tokens?: number;
  reasoning_tokens?: number;
}

export interface ToolCall {
  id?: string;
  name?: string;
  /** Parsed when it is JSON, else as sent. */
  arguments?: unknown;
}

/** An image, file or sound by reference, without its bytes. */
export interface MediaReference {
  type: string;
  media_type?: string;
  size?: number;
  sha256?: string;
  url?: string;
}

export interface Message {
  role: string;
  /** Text, or the provider's list of parts with media replaced by references. */
  content: unknown;
  [field: string]: unknown;
}

export interface InteractionRequest {
  messages?: Message[];
  system?: unknown;
  prompt?: unknown;
  input?: unknown;
  model?: string;
  stream?: boolean;
  temperature?: number;
  max_tokens?: number;
  tools?: unknown;
  tool_choice?: unknown;
  /** The decoded body; set by the event builder, and only if enabled (docs/events.md). */
  _raw?: unknown;
  [field: string]: unknown;
}

export interface InteractionResponse {
  /** The text of the answer: all text parts joined. */
  content?: string;
  model?: string;
  finish_reason?: string;
  usage?: Usage;
  tool_calls?: ToolCall[];
  reasoning?: string;
  /** The provider's own error. */
  error?: { type?: string; code?: string; message?: string };
  _raw?: unknown;
  [field: string]: unknown;
}

export interface Interaction {
  model: string | null;
  provider: string | null;
  type: InteractionType;
  request: InteractionRequest;
  response?: InteractionResponse;
}

/** A body after content decoding, by kind. */
export type DecodedBody =
  | { readonly kind: "empty" }
  | { readonly kind: "json"; readonly value: unknown; readonly truncated: boolean }
  /** Server-sent events, NDJSON, event streams: chunks in order; data is parsed if it is JSON. */
  | {
      readonly kind: "stream";
      readonly format: StreamFormat;
      readonly chunks: readonly StreamChunk[];
      readonly truncated: boolean;
    }
  | { readonly kind: "form"; readonly value: Record<string, unknown>; readonly truncated: boolean }
  | { readonly kind: "multipart"; readonly parts: readonly MultipartPart[]; readonly truncated: boolean }
  | { readonly kind: "text"; readonly text: string; readonly truncated: boolean }
  | {
      readonly kind: "binary";
      readonly length: number;
      readonly mediaType?: string;
      readonly truncated: boolean;
    }
  | { readonly kind: "undecodable"; readonly reason: string; readonly length: number };

export type StreamFormat =
  | "sse"
  | "ndjson"
  | "json_array"
  | "eventstream"
  | "length_prefixed"
  | "concatenated"
  | "websocket";

export interface StreamChunk {
  readonly event?: string;
  /** Parsed JSON, or the text as received. */
  readonly data: unknown;
}

export interface MultipartPart {
  readonly name?: string;
  readonly filename?: string;
  readonly mediaType?: string;
  readonly text?: string;
  readonly media?: MediaReference;
}

/** What the format readers are given. */
export interface DecodedExchange {
  readonly host: string;
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly requestFields: Fields;
  readonly requestBody: DecodedBody;
  readonly status?: number;
  readonly responseFields: Fields;
  readonly responseBody: DecodedBody;
}
