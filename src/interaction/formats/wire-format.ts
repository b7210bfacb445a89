import type {
  DecodedExchange,
  InteractionRequest,
  InteractionResponse,
  InteractionType,
  StreamChunk,
} from "../interaction.js";
import type { JsonObject } from "../json.js";

/**
 * How one wire format is read. Readers take fields: those of the document as sent, with the values that the
 * bundle's parser found put over them under the parser's own names.
 */
export interface WireFormat {
  readonly id: string;
  readonly type: InteractionType;
  /** Key of the bundle's parser that speaks of this format. */
  readonly parserId?: string;
  /** The path and body did not tell: an exchange is only a call of a model when a question is found in it. */
  readonly guessed?: true;
  readonly request: (fields: JsonObject, exchange: DecodedExchange) => InteractionRequest;
  readonly response: (fields: JsonObject, exchange: DecodedExchange) => InteractionResponse;
  /** The request as one document, where it is several messages of a WebSocket. */
  readonly assembleRequest?: (chunks: readonly StreamChunk[]) => JsonObject;
  /**
   * The document that the provider would have answered without streaming, put together from the chunks, so that
   * paths and readers of whole answers serve streams too.
   */
  readonly assemble?: (chunks: readonly StreamChunk[], delta: DeltaReader | undefined) => JsonObject;
}

/** The bundle's idea of where a chunk's delta is; present when the bundle has one. */
export type DeltaReader = (chunk: unknown) => unknown;
