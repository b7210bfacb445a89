import type { Fields } from "../exchange/exchange.js";
import { rawOf } from "./decode.js";
import { isEnveloped, isProtobuf } from "./grpc.js";
import type { DecodedBody, DecodedExchange } from "./interaction.js";
import { present } from "./json.js";
import { mediaTypeOf } from "./media-type.js";

/** What passed in a call whose schema nobody published: field numbers and what stands there. */
export interface MessageStructure {
  readonly request?: unknown;
  readonly response?: unknown;
}

/** Of a gRPC, gRPC-Web, Connect or protobuf call, the structure of its messages; `undefined` of any other. */
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
