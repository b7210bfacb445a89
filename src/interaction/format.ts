import type { ApiFormat, Parser, Provider } from "../oisp/bundle.js";
import { anthropicBatches, anthropicCompletions, anthropicTokenCount } from "./formats/anthropic-batches.js";
import { anthropicMessages } from "./formats/anthropic-messages.js";
import { bedrockConverse } from "./formats/bedrock.js";
import { bedrockEmbeddings, bedrockInvoke, bedrockTokenCount } from "./formats/bedrock-invoke.js";
import { bundledFormat } from "./formats/bundled.js";
import { chatgptWeb } from "./formats/chatgpt-web.js";
import { claudeWeb } from "./formats/claude-web.js";
import { cohereChat, cohereEmbeddings, rerank } from "./formats/cohere.js";
import { deepseekWeb } from "./formats/deepseek-web.js";
import { gemini, geminiEmbeddings, geminiTokenCount, imagen } from "./formats/gemini.js";
import { geminiInteractions } from "./formats/gemini-interactions.js";
import { geminiLive } from "./formats/gemini-live.js";
import { geminiWeb } from "./formats/gemini-web.js";
import { granola } from "./formats/granola.js";
import { grokWeb } from "./formats/grok-web.js";
import { ollamaChat, ollamaGenerate } from "./formats/ollama.js";
import { openaiChat } from "./formats/openai-chat.js";
import { openaiCompletions } from "./formats/openai-completions.js";
import { openaiAudio, openaiImages } from "./formats/openai-media.js";
import { openaiRealtime } from "./formats/openai-realtime.js";
import { openaiInputTokens, openaiResponses } from "./formats/openai-responses.js";
import { openaiEmbeddings, openaiModerations } from "./formats/openai-vectors.js";
import { perplexityWeb } from "./formats/perplexity-web.js";
import type { WireFormat } from "./formats/wire-format.js";
import { workersAi } from "./formats/workers-ai.js";
import type { DecodedExchange } from "./interaction.js";
import { isObject, type JsonObject } from "./json.js";

/**
 * Path suffixes unique to one format. The first match counts, so longer ones come first. Whether a path is a model call
 * at all has already been decided by `oisp/api-path.ts`.
 */
const BY_API_PATH: ReadonlyArray<readonly [RegExp, WireFormat]> = [
  [/\/chat\/completions$/, openaiChat],
  [/\/agents\/completions$/, openaiChat],
  [/\/messages\/count_tokens$/, anthropicTokenCount],
  [/\/count-tokens:rawPredict$/, anthropicTokenCount],
  [/\/messages\/batches$/, anthropicBatches],
  [/\/v1\/messages$/, anthropicMessages],
  [/\/publishers\/anthropic\/models\/[^/]+:(?:stream)?rawPredict$/i, anthropicMessages],
  [/\/publishers\/[^/]+\/models\/[^/]+:(?:stream)?rawPredict$/i, openaiChat],
  [/\/v1\/complete$/, anthropicCompletions],
  [/\/responses\/input_tokens$/, openaiInputTokens],
  [/\/responses(?:\/compact)?$/, openaiResponses],
  [/\/realtime$/, openaiRealtime],
  [/\.BidiGenerateContent$/, geminiLive],
  [/\/v1(?:alpha|beta)?\d*\/interactions$/, geminiInteractions],
  [/:(?:g|streamG)enerateContent$/, gemini],
  [/:countTokens$/, geminiTokenCount],
  [/:(?:batchE|e)mbedContents?$/, geminiEmbeddings],
  [/\/publishers\/google\/models\/[^/]*embedding[^/]*:predict$/, geminiEmbeddings],
  [/\/models\/imagen[^/]*:predict$/, imagen],
  [/\/model\/[^/]+\/converse(?:-stream)?$/, bedrockConverse],
  [/\/model\/[^/]+\/count-tokens$/, bedrockTokenCount],
  [/\/model\/[^/]*embed[^/]*\/invoke$/, bedrockEmbeddings],
  [/\/model\/[^/]+\/invoke(?:-with-response-stream)?$/, bedrockInvoke],
  [/\/ai\/run\/@?[^/]+(?:\/[^/]+)*$|^\/v1\/[^/]+\/[^/]+\/workers-ai\/@[^/]+\/.+$/, workersAi],
  [/\/images\/(?:generations|edits|variations)$/, openaiImages],
  [/\/audio\/(?:speech|transcriptions|translations)$/, openaiAudio],
  [/\/moderations$/, openaiModerations],
  [/\/rerank$/, rerank],
  [/\/v[12]\/embed$/, cohereEmbeddings],
  [/\/v2\/chat$|\/v1\/generate$/, cohereChat],
  [/\/api\/chat$/, ollamaChat],
  [/\/api\/generate$/, ollamaGenerate],
  [/\/embeddings$|\/api\/embed$/, openaiEmbeddings],
  [/\/(?:fim\/)?completions$/, openaiCompletions],
];

/** Paths of websites and apps. They are long enough to be unique across hosts. */
const BY_WEBSITE_PATH: ReadonlyArray<readonly [RegExp, WireFormat]> = [
  [/^\/backend-(?:api|anon)\/(?:f\/)?conversation$/, chatgptWeb],
  [/^\/api\/v0\/chat\/completion$/, deepseekWeb],
  [/\/assistant\.lamda\.BardFrontendService\/StreamGenerate$/, geminiWeb],
  [/^\/rest\/app-chat\/conversations\/(?:new|[^/]+\/responses)$/, grokWeb],
  [/^\/rest\/sse\/perplexity_ask$/, perplexityWeb],
  [/\/chat_conversations\/[^/]+\/(?:retry_)?completion$/, claudeWeb],
  [/^\/v1\/chat-with-documents$/, granola],
];

const BY_PATH = [...BY_WEBSITE_PATH, ...BY_API_PATH];

/** Default format by provider, when path and body are inconclusive. */
const BY_API_FORMAT: ReadonlyMap<string, WireFormat> = new Map([
  ["openai", openaiChat],
  ["anthropic", anthropicMessages],
  ["google", gemini],
  ["bedrock", bedrockConverse],
  ["cohere", cohereChat],
  ["ollama", ollamaChat],
]);

/**
 * The wire format of an exchange: by its path, then by its request's body, and only when both are inconclusive by the
 * bundle's entry for the provider. `undefined` when it is not a model call.
 */
export function wireFormatOf(
  exchange: DecodedExchange,
  provider: Provider | undefined,
  parsers: ReadonlyMap<string, Parser>,
): WireFormat | undefined {
  const { method, requestBody } = exchange;
  const isTurn = requestBody.kind === "stream" && requestBody.format === "websocket";
  if (method !== "POST" && !isTurn) return undefined;
  const byPath = readerOf(exchange.path);
  if (byPath) return byPath;
  if (requestBody.kind !== "json" || !isObject(requestBody.value)) return undefined;
  return byBody(requestBody.value) ?? byProvider(requestBody.value, provider?.apiFormat ?? "openai", parsers);
}

/** The format identified by a path (without query); `undefined` when the body decides. */
export function readerOf(path: string): WireFormat | undefined {
  const trimmed = path.endsWith("/") ? path.slice(0, -1) : path;
  return BY_PATH.find(([pattern]) => pattern.test(trimmed))?.[1];
}

/** By fields that only one format has. */
function byBody(body: JsonObject): WireFormat | undefined {
  if (Array.isArray(body.messages)) {
    if (typeof body.anthropic_version === "string") return anthropicMessages;
    if (isObject(body.inferenceConfig)) return bedrockConverse;
  }
  if (Array.isArray(body.contents)) return gemini;
  if (typeof body.message === "string" && Array.isArray(body.chat_history)) return cohereChat;
  return undefined;
}

/**
 * By fields that several formats share: some kind of conversation. A format defined by the bundle is read by its paths.
 */
function byProvider(
  body: JsonObject,
  apiFormat: ApiFormat,
  parsers: ReadonlyMap<string, Parser>,
): WireFormat | undefined {
  const format = BY_API_FORMAT.get(apiFormat);
  if (!format && parsers.has(apiFormat)) return bundledFormat(apiFormat);
  if (Array.isArray(body.messages)) return format ?? openaiChat;
  return format === cohereChat && typeof body.message === "string" ? cohereChat : undefined;
}
