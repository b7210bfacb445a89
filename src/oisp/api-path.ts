/**
 * Which paths of an API host are AI calls. A host may also serve a website, accounts and telemetry
 * (openrouter.ai/blog, api.anthropic.com/api/event_logging), so the path decides, not the host alone. The reader of a
 * call is chosen in `interaction/format.ts`.
 */

import type { ApiFormat, Provider } from "./bundle.js";

/** Paths that identify the wire format under any prefix (gateways add one). */
const WIRE_PATHS: ReadonlyArray<readonly [path: RegExp, format: ApiFormat]> = [
  // https://docs.anthropic.com/en/api; on Vertex the path contains the publisher
  [/\/v\d+\/(?:messages(?:\/count_tokens|\/batches)?|complete)$/, "anthropic"],
  [/\/publishers\/anthropic\/models\/[^/]+:(?:streamRawPredict|rawPredict)$/, "anthropic"],
  // https://platform.openai.com/docs/api-reference
  [
    /\/(?:chat\/)?completions$|\/responses(?:\/(?:compact|input_tokens))?$|\/embeddings$|\/moderations$|\/realtime(?:\/calls|\/client_secrets)?$/,
    "openai",
  ],
  [/\/images\/(?:generations|edits|variations)$|\/audio\/(?:speech|transcriptions|translations)$/, "openai"],
  // Other publishers on Vertex (Mistral, Llama) take OpenAI's body
  [/\/publishers\/[^/]+\/models\/[^/]+:(?:streamRawPredict|rawPredict)$/, "openai"],
  // https://ai.google.dev/api, https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest
  [
    /:(?:generateContent|streamGenerateContent|embedContent|batchEmbedContents|countTokens|predict|predictLongRunning)$/,
    "google",
  ],
  // https://ai.google.dev/gemini-api/docs/interactions
  [/\/v1(?:alpha|beta)?\d*\/interactions$/, "google"],
  [
    /\/(?:google\.ai\.generativelanguage|google\.cloud\.aiplatform)\.[\w.]+[./](?:BidiGenerateContent|GenerateContent|StreamGenerateContent)$/,
    "google",
  ],
  // https://docs.aws.amazon.com/bedrock/latest/APIReference
  [
    /^\/model\/[^/]+\/(?:converse|converse-stream|invoke|invoke-with-response-stream|invoke-with-bidirectional-stream|count-tokens)$/,
    "bedrock",
  ],
  [
    /^\/agents\/[^/]+\/agentAliases\/[^/]+\/sessions\/[^/]+\/text$|^\/retrieveAndGenerate(?:Stream)?$/,
    "bedrock",
  ],
  // https://developers.cloudflare.com/workers-ai/get-started/rest-api
  [/^\/client\/v4\/accounts\/[^/]+\/ai\/run\/[^/]+(?:\/[^/]+)*$/, "openai"],
  // https://docs.cohere.com/reference
  [/\/v[12]\/(?:chat|embed|rerank|generate|classify|summarize)$/, "cohere"],
  // https://github.com/ollama/ollama/blob/main/docs/api.md
  [/\/api\/(?:chat|generate|embed|embeddings)$/, "ollama"],
];

/** Opened by GET (or CONNECT over HTTP/2, RFC 8441): WebSockets. */
const WEBSOCKET_PATHS = /\/realtime$|\/responses$|BidiGenerateContent$|:bidiGenerateContent$/;

/** The wire format identified by the path (without query), if any. */
export function formatOfPath(path: string): ApiFormat | undefined {
  const trimmed = withoutTrailingSlashes(path);
  return WIRE_PATHS.find(([pattern]) => pattern.test(trimmed))?.[1];
}

export interface ApiBase {
  /** `host` or `host:port`. */
  readonly host: string;
  readonly path: string;
}

/** Needed for every request, and parsing a URL is slow. */
const bases = new WeakMap<Provider, ApiBase | "none">();

/** Where the provider's API is mounted; undefined when `apiEndpoint` is absent or a template. */
export function apiBase(provider: Provider): ApiBase | undefined {
  let base = bases.get(provider);
  if (base === undefined) {
    base = readBase(provider.apiEndpoint);
    bases.set(provider, base);
  }
  return base === "none" ? undefined : base;
}

function readBase(endpoint: string | undefined): ApiBase | "none" {
  if (endpoint === undefined || /[*${}]/.test(endpoint) || !URL.canParse(endpoint)) return "none";
  const url = new URL(endpoint);
  return { host: url.host, path: withoutTrailingSlashes(url.pathname) };
}

/** Below an API's version prefix, but storage and administration. */
const MANAGEMENT = /^\/v\d+\/(?:files|uploads|fine_tuning|vector_stores|organization)(?:\/|$)/;

/** Whether the request is a call of the provider's API, judging by method, host and path. */
export function isApiCall(
  provider: Provider,
  { method, authority, path }: { method: string; authority: string; path: string },
): boolean {
  if (method === "GET" || method === "CONNECT") return WEBSOCKET_PATHS.test(path);
  if (method !== "POST") return false;
  if (formatOfPath(path) !== undefined) return true;
  // Google mounts everything below one version prefix and identifies calls by their verb.
  if (provider.apiFormat === "google" || MANAGEMENT.test(path)) return false;
  return /^\/v\d/.test(path) || isBelowBase(provider, authority, path);
}

/** Whether the path is below the provider's `apiEndpoint`. */
export function isBelowBase(provider: Provider, authority: string, path: string): boolean {
  const base = apiBase(provider);
  return (
    base !== undefined && base.host === authority && (path === base.path || path.startsWith(`${base.path}/`))
  );
}

/** Not a regular expression, which would take quadratic time for a path with many slashes. */
function withoutTrailingSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === "/") end--;
  return path.slice(0, end);
}
