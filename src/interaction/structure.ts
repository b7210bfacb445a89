import type { Fields } from "../exchange/exchange.js";
import { rawOf } from "./decode.js";
import { isEnveloped, isProtobuf } from "./grpc.js";
import type { DecodedBody, DecodedExchange } from "./interaction.js";
import { present } from "./json.js";
import { mediaTypeOf } from "./media-type.js";

/** Messages of a call with unpublished schema: field numbers and values. */
export interface MessageStructure {
  readonly request?: unknown;
  readonly response?: unknown;
}

/** The structure of the messages of a gRPC, gRPC-Web, Connect or protobuf call; `undefined` for any other. */
export function structureOf(exchange: DecodedExchange): MessageStructure | undefined {
  const structure = present({
    request: messagesOf(exchange.requestBody, exchange.requestFields),
    response: messagesOf(exchange.responseBody, exchange.responseFields),
  });
  return Object.keys(structure).length > 0 ? structure : undefined;
}

function messagesOf(body: DecodedBody, fields: Fields): unknown {
  const { essence } = mediaTypeOf(fields);
  return isEnveloped(essence) || isProtobuf(essence) ? rawOf(body) : undefined;
}
