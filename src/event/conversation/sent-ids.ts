/** Ids that programs and providers send to identify the conversation of a call. */

import { fieldValue } from "../../exchange/fields.js";
import type { DecodedBody, DecodedExchange } from "../../interaction/interaction.js";
import { isObject, type JsonObject, objectOf, stringOf } from "../../interaction/json.js";

export interface SentIds {
  /** Identifies the whole conversation, including its agents. */
  readonly conversation?: string;
  /** Identifies one thread: a conversation, or an agent within one. */
  readonly thread?: string;
  /** The thread that started this one. */
  readonly parentThread?: string;
  /** The agent within the conversation; absent for the main agent. */
  readonly agent?: string;
  /** The agent that started it. */
  readonly parentAgent?: string;
  /** The answer that this call continues. */
  readonly previous?: string;
  /** The provider's id of this answer. */
  readonly answer?: string;
}

export type SentIdKind = keyof SentIds;

/**
 * The only header fields that are read. Sources: anthropics/claude-code 2.1.86 and 2.1.139 (changelog,
 * issue 49207); openai/codex codex-rs (codex-api headers, core client); sst/opencode session/llm; QwenLM/qwen-code;
 * docs.litellm.ai and docs.helicone.ai on sessions.
 */
export const ID_HEADERS: readonly (readonly [field: string, kind: SentIdKind])[] = [
  ["x-claude-code-session-id", "conversation"],
  ["x-claude-code-agent-id", "agent"],
  ["x-claude-code-parent-agent-id", "parentAgent"],
  ["session_id", "conversation"],
  ["session-id", "conversation"],
  ["conversation_id", "conversation"],
  ["thread-id", "thread"],
  ["x-codex-parent-thread-id", "parentThread"],
  ["x-openai-subagent", "agent"],
  ["x-opencode-session", "thread"],
  ["x-session-affinity", "thread"],
  ["x-parent-session-id", "parentThread"],
  ["x-qwen-code-session-id", "conversation"],
  ["x-session-id", "conversation"],
  ["x-litellm-session-id", "conversation"],
  ["helicone-session-id", "conversation"],
];

/** Others use these names for access tokens: only values that look like the agents' own ids are accepted. */
const COMMON_NAMES: ReadonlySet<string> = new Set([
  "session_id",
  "session-id",
  "conversation_id",
  "thread-id",
  "x-session-id",
]);
const RANDOM_NAME = /^(?:ses_\w{8,40}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/**
 * Members of the request JSON: OpenAI's responses and conversations, Codex, ChatGPT, OpenRouter,
 * Gemini CLI (in `request`), DeepSeek, Gemini's interactions.
 */
export const ID_MEMBERS: readonly (readonly [path: string, kind: SentIdKind])[] = [
  ["conversation", "conversation"],
  ["conversation.id", "conversation"],
  ["conversation_id", "conversation"],
  ["session_id", "conversation"],
  ["request.session_id", "conversation"],
  ["chat_session_id", "conversation"],
  ["thread_id", "conversation"],
  ["previous_response_id", "previous"],
  ["previous_interaction_id", "previous"],
];

/** Members of the response JSON, or of its chunks. */
export const ANSWER_MEMBERS: readonly (readonly [path: string, kind: SentIdKind])[] = [
  ["conversation_id", "conversation"],
  ["conversation.id", "conversation"],
  ["response.conversation.id", "conversation"],
  ["response.id", "answer"],
  ["interaction.id", "answer"],
  ["id", "answer"],
];

/** Paths that contain a conversation id: OpenAI's assistants, claude.ai, Grok. */
const ID_PATHS: readonly RegExp[] = [
  /\/threads\/(thread_[\w-]+)\/runs/,
  /\/chat_conversations\/([\w-]{16,})\/(?:retry_)?completion/,
  /\/conversations\/([\w-]{16,})\/responses/,
];

/** An id: letters, digits and some punctuation. Any other value is ignored. */
const ID = /^[\w.:@/-]{1,128}$/;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;
/** Chunks of a stream that are examined: ids come first. */
const MOST_CHUNKS = 16;

/** The ids in a call. The first listed field with an id takes precedence. */
export function sentIds(exchange: DecodedExchange): SentIds {
  const ids: { -readonly [kind in SentIdKind]?: string } = {};
  const note = (kind: SentIdKind, value: unknown) => {
    const id = stringOf(value);
    if (ids[kind] === undefined && id !== undefined && ID.test(id)) ids[kind] = id;
  };
  for (const [field, kind] of ID_HEADERS) {
    const value = fieldValue(exchange.requestFields, field);
    if (!COMMON_NAMES.has(field) || RANDOM_NAME.test(value ?? "")) note(kind, value);
  }
  for (const document of documentsOf(exchange.requestBody)) {
    const request =
      document.type === "response.create" ? { ...document, ...objectOf(document.response) } : document;
    note("conversation", sessionOfUser(objectOf(request.metadata).user_id));
    for (const [path, kind] of ID_MEMBERS) note(kind, memberAt(request, path));
    // Some programs use one key for all requests; keys of single conversations are random.
    if (UUID.test(stringOf(request.prompt_cache_key) ?? "")) note("conversation", request.prompt_cache_key);
  }
  for (const path of ID_PATHS) note("conversation", path.exec(exchange.path)?.[1]);
  for (const document of documentsOf(exchange.responseBody)) {
    for (const [path, kind] of ANSWER_MEMBERS) note(kind, memberAt(document, path));
  }
  return ids;
}

/**
 * Claude Code's `metadata.user_id`: `user_…_account_…_session_UUID`, since about 2.1.80 JSON with a `session_id`. The
 * rest, including the account, is not kept.
 */
function sessionOfUser(userId: unknown): unknown {
  if (isObject(userId)) return userId.session_id;
  const text = stringOf(userId);
  if (text === undefined || text.length > 1024) return undefined;
  if (!text.startsWith("{")) return /_session_([0-9a-f-]{36})$/i.exec(text)?.[1];
  try {
    return objectOf(JSON.parse(text)).session_id;
  } catch {
    return undefined; // not what Claude Code writes
  }
}

function memberAt(document: JsonObject, path: string): unknown {
  return path.split(".").reduce<unknown>((value, name) => objectOf(value)[name], document);
}

function documentsOf(body: DecodedBody): JsonObject[] {
  if (body.kind === "json" || body.kind === "form") return isObject(body.value) ? [body.value] : [];
  if (body.kind !== "stream") return [];
  return body.chunks
    .slice(0, MOST_CHUNKS)
    .map(({ data }) => data)
    .filter(isObject);
}
