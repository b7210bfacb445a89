import type {
  DecodedExchange,
  InteractionRequest,
  InteractionResponse,
  InteractionType,
  StreamChunk,
} from "../interaction.js";
import type { JsonObject } from "../json.js";

/**
 * Reader of one wire format. Its functions take the fields of the document as sent, overlaid with the values found by
 * the bundle's parser, under the parser's own names.
 */
export interface WireFormat {
  readonly id: string;
  readonly type: InteractionType;
  /** Key of the bundle's parser for this format. */
  readonly parserId?: string;
  /** Path and body were inconclusive: an exchange only counts as a model call if it contains a prompt. */
  readonly guessed?: true;
  readonly request: (fields: JsonObject, exchange: DecodedExchange) => InteractionRequest;
  readonly response: (fields: JsonObject, exchange: DecodedExchange) => InteractionResponse;
  /** Assembles a request that consists of several WebSocket messages to one document. */
  readonly assembleRequest?: (chunks: readonly StreamChunk[]) => JsonObject;
  /**
   * Assembles the chunks to the document the provider would have returned without streaming, so that
   * paths and readers for whole answers also work for streams.
   */
  readonly assemble?: (chunks: readonly StreamChunk[], delta: DeltaReader | undefined) => JsonObject;
}

/** Finds a chunk's delta by the bundle's path. */
export type DeltaReader = (chunk: unknown) => unknown;
