import type { Feature, Parser, Provider } from "../oisp/bundle.js";
import { overlay, valueAt } from "./bundle-parser.js";
import { errorOf } from "./errors.js";
import { wireFormatOf } from "./format.js";
import type { DeltaReader, WireFormat } from "./formats/wire-format.js";
import type { DecodedBody, DecodedExchange, Interaction, InteractionResponse } from "./interaction.js";
import { present } from "./json.js";

export interface ReadContext {
  readonly provider?: Provider;
  readonly parsers: ReadonlyMap<string, Parser>;
  readonly feature?: Feature;
}

/**
 * What an exchange means; `undefined` when it is no call of a model that can be read. The bundle's parsers speak
 * first, the format's own reader fills what they do not say.
 */
export function readInteraction(exchange: DecodedExchange, context: ReadContext): Interaction | undefined {
  const format = wireFormatOf(exchange, context.provider);
  if (!format) return undefined;
  const parser = format.parserId === undefined ? undefined : context.parsers.get(format.parserId);
  const request = format.request(
    overlay(documentOf(exchange.requestBody), parser?.request, exchange),
    exchange,
  );
  const response = readResponse(exchange, format, parser);
  return present<Interaction>({
    model: request.model ?? response?.model ?? null,
    provider: context.provider?.id ?? null,
    type: format.type,
    request,
    response,
  });
}

function readResponse(
  exchange: DecodedExchange,
  format: WireFormat,
  parser: Parser | undefined,
): InteractionResponse | undefined {
  const document = answerOf(exchange, format, parser);
  if (document === undefined) return undefined;
  const error = errorOf(exchange, document);
  const response = format.response(overlay(document, parser?.response, exchange), exchange);
  return error ? { ...response, error } : response;
}

/** The answer as one document, put together when it came as a stream; `undefined` when none came. */
function answerOf(exchange: DecodedExchange, format: WireFormat, parser: Parser | undefined): unknown {
  const body = exchange.responseBody;
  if (body.kind !== "stream") return body.kind === "empty" ? undefined : documentOf(body);
  const path = parser?.streaming?.deltaPath;
  const delta: DeltaReader | undefined = path && ((chunk) => valueAt(path, chunk, exchange));
  return format.assemble?.(body.chunks, delta) ?? {};
}

function documentOf(body: DecodedBody): unknown {
  if (body.kind === "json" || body.kind === "form") return body.value;
  return body.kind === "text" ? body.text : {};
}
