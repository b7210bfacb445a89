import type { Feature } from "../oisp/bundle.js";
import type { FeatureReading } from "./feature.js";
import type {
  Interaction,
  InteractionRequest,
  InteractionResponse,
  InteractionType,
  Message,
} from "./interaction.js";
import { isObject, type JsonObject, present, wordOf } from "./json.js";
import { textOf } from "./text.js";
import { usageOf } from "./usage.js";

const TYPES: ReadonlySet<string> = new Set<InteractionType>([
  "chat",
  "completion",
  "embedding",
  "image",
  "audio",
  "moderation",
  "realtime",
  "token_count",
  "batch",
  "search",
  "rerank",
]);

/** Converts what a feature's rules found to the form of events; `undefined` when they found nothing. */
export function interactionOf(
  { request, response }: FeatureReading,
  feature: Feature,
): Interaction | undefined {
  const sent = requestOf(request);
  const received = response && responseOf(response);
  if (Object.keys(sent).length === 0 && Object.keys(received ?? {}).length === 0) return undefined;
  return present<Interaction>({
    model: received?.model ?? sent.model ?? null,
    provider: null,
    type: TYPES.has(feature.type ?? "") ? (feature.type as InteractionType) : "chat",
    request: sent,
    response: received,
  });
}

function requestOf({ messages, model, stream, ...rest }: JsonObject): InteractionRequest {
  return present({
    ...withoutRaw(rest),
    messages: messagesOf(messages),
    model: wordOf(model),
    stream: stream === true || undefined,
  });
}

/** JSONata returns the only element of a list instead of the list. */
function messagesOf(messages: unknown): Message[] | undefined {
  const list = isObject(messages) ? [messages] : messages;
  if (!Array.isArray(list)) return undefined;
  return list.filter(isObject).map((message) => ({
    ...message,
    role: wordOf(message.role) ?? "user",
    content: message.content ?? null,
  }));
}

function responseOf(fields: JsonObject): InteractionResponse {
  const {
    content,
    response,
    model,
    finish_reason: reason,
    reasoning,
    usage,
    tool_calls: _calls,
    error: _error,
    ...rest
  } = fields;
  return present({
    ...withoutRaw(rest),
    content: textOf(content ?? response ?? undefined),
    model: wordOf(model),
    finish_reason: wordOf(reason),
    reasoning: wordOf(textOf(reasoning ?? undefined)),
    usage: usageOf(usage),
  });
}

function withoutRaw({ _raw, ...rest }: JsonObject): JsonObject {
  return rest;
}
