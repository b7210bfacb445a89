import type { Feature, Parser, Provider } from "../oisp/bundle.js";
import { additions, overlay, valueAt } from "./bundle-parser.js";
import { errorOf } from "./errors.js";
import { isPublishedParser, readFeature } from "./feature.js";
import { interactionOf } from "./feature-interaction.js";
import { wireFormatOf } from "./format.js";
import type { DeltaReader, WireFormat } from "./formats/wire-format.js";
import type {
  DecodedBody,
  DecodedExchange,
  Interaction,
  InteractionResponse,
  MultipartPart,
  StreamChunk,
} from "./interaction.js";
import { type JsonObject, present } from "./json.js";

export interface ReadContext {
  readonly provider?: Provider;
  readonly parsers: ReadonlyMap<string, Parser>;
  readonly feature?: Feature;
}

/**
 * Reads the interaction in an exchange; `undefined` when it is not a readable model call. The bundle's parsers and
 * rules take precedence; the format's own reader fills in the rest.
 */
export function readInteraction(exchange: DecodedExchange, context: ReadContext): Interaction | undefined {
  const own = readFormat(exchange, context);
  const { feature } = context;
  if (!feature || !isMeantBy(feature, exchange)) return own;
  const reading = readFeature(exchange, feature);
  const ruled = reading && interactionOf(reading, feature);
  if (!own || !ruled) return own ?? ruled;
  const [first, second] = isPublishedParser(feature) ? [own, ruled] : [ruled, own];
  const request = { ...second.request, ...first.request };
  const response = (first.response ?? second.response) && { ...second.response, ...first.response };
  return present<Interaction>({ ...own, model: response?.model ?? request.model ?? null, request, response });
}

/**
 * Fetching a past conversation is not a model call, unless the bundle's feature lists the GET: Claude's in the bundles
 * of January 2026 reads the answer from the conversation that is fetched after it.
 */
function isMeantBy(feature: Feature, { method }: DecodedExchange): boolean {
  return method !== "GET" || feature.patterns.some((pattern) => pattern.method === "GET");
}

function readFormat(exchange: DecodedExchange, context: ReadContext): Interaction | undefined {
  const format = wireFormatOf(exchange, context.provider, context.parsers);
  if (!format) return undefined;
  const parser = format.parserId === undefined ? undefined : context.parsers.get(format.parserId);
  const fields = overlay(questionOf(exchange, format), parser?.request, exchange);
  const request = { ...additions(fields, parser?.request), ...format.request(fields, exchange) };
  if (format.guessed && request.messages === undefined && request.prompt === undefined) return undefined;
  const response = readResponse(exchange, format, parser);
  return present<Interaction>({
    model: response?.model ?? request.model ?? null,
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
  const fields = overlay(document, parser?.response, exchange);
  const response = { ...additions(fields, parser?.response), ...format.response(fields, exchange) };
  return withoutEmptyLists(error ? { ...response, error } : response);
}

/** Many providers send `[]` for what did not happen; events leave it out. */
function withoutEmptyLists(response: InteractionResponse): InteractionResponse {
  if (!Object.values(response).some((value) => Array.isArray(value) && value.length === 0)) return response;
  return Object.fromEntries(
    Object.entries(response).filter(([, value]) => !Array.isArray(value) || value.length > 0),
  );
}

function questionOf({ requestBody }: DecodedExchange, format: WireFormat): unknown {
  return requestBody.kind === "stream" && format.assembleRequest
    ? format.assembleRequest(requestBody.chunks)
    : documentOf(requestBody);
}

/** The answer as one document, assembled if it is a stream or list; `undefined` when there is none. */
function answerOf(exchange: DecodedExchange, format: WireFormat, parser: Parser | undefined): unknown {
  const body = exchange.responseBody;
  if (body.kind === "empty") return undefined;
  const chunks = chunksOf(body);
  if (!chunks || !format.assemble) return documentOf(body);
  const path = parser?.streaming?.deltaPath;
  const delta: DeltaReader | undefined = path && ((chunk) => valueAt(path, chunk, exchange));
  return format.assemble(chunks, delta);
}

/** Chunks of a stream; Gemini also streams as one JSON array. */
function chunksOf(body: DecodedBody): readonly StreamChunk[] | undefined {
  if (body.kind === "stream") return body.chunks;
  return body.kind === "json" && Array.isArray(body.value) ? body.value.map((data) => ({ data })) : undefined;
}

function documentOf(body: DecodedBody): unknown {
  if (body.kind === "json" || body.kind === "form") return body.value;
  if (body.kind === "multipart") return fieldsOf(body.parts);
  return body.kind === "text" ? body.text : {};
}

/** The text fields of a multipart form. */
function fieldsOf(parts: readonly MultipartPart[]): JsonObject {
  return Object.fromEntries(
    parts.flatMap(({ name, text }) => (name === undefined || text === undefined ? [] : [[name, text]])),
  );
}
