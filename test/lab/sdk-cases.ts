import type { OximyEvent } from "../../src/event/event.js";
import { CREDENTIALS } from "../credentials.js";
import { loadTranscripts, type Transcript } from "../interaction/transcripts.js";

/** What a client prints of a case: what the SDK returned, under the names of events (`clients/sdk-cases.mjs`). */
export interface SdkAnswer {
  readonly title: string;
  readonly answer: { readonly error?: string; readonly usage?: object; readonly [field: string]: unknown };
}

export interface Sdk {
  readonly name: string;
  /** Credentials that it gets by its environment. */
  readonly credentials: Readonly<Record<string, string>>;
  readonly cases: readonly Transcript[];
}

const transcripts = loadTranscripts();

/** Why no SDK of the list can ask for these. Chats of websites and apps have no SDK at all. */
export const NOT_BY_SDK: Readonly<Record<string, string>> = {
  "anthropic_completions/plain": "the SDK has dropped this API",
  "anthropic_completions/stream": "the SDK has dropped this API",
  "anthropic_messages/vertex": "another SDK, @anthropic-ai/vertex-sdk",
  "anthropic_messages/stream-web-search":
    "its last count of cached tokens is zero; the SDK lets that wipe the first",
  "anthropic_messages/stream-usage-null": "a gateway's answer; the SDK lets zero wipe what was counted",
  "bedrock_count_tokens/plain": "asked with the bodies of the other calls",
  "bedrock_invoke/profile": "the SDK hands the vendor's body through, as for bedrock_invoke/anthropic",
  "bedrock_invoke/profile-stream": "as bedrock_invoke/profile",
  "bedrock_invoke/stream-exception": "as bedrock_invoke/profile, and the SDK throws",
  "gemini/code-assist": "asked by Gemini CLI only",
  "gemini/code-assist-plain": "asked by Gemini CLI only",
  "gemini_interactions/plain": "checked against the SDK's types",
  "gemini_interactions/stream": "checked against the SDK's types",
  "gemini_interactions/stream-error": "checked against the SDK's types",
  "openai_chat/error-in-200": "MiniMax's; the SDK takes it for an answer",
  "openai_chat/stream-error-flat": "a gateway's; the SDK takes it for a chunk",
  "openai_chat/stream-tools-same-index": "Google's and Ollama's; the SDK runs the calls together",
  "openai_chat/stream-tools-without-index": "Moonshot's and others'; the SDK throws",
  "openai_chat/stream-whole-message-last": "MiniMax's; the SDK does not read it",
  "openai_input_tokens/plain": "no model is called",
  "openai_responses/compact": "asked by Codex only",
  "openai_responses/stream-empty-end": "answered to Codex only",
  "workers_ai/error": "another SDK, cloudflare",
  "workers_ai/plain": "another SDK, cloudflare",
  "workers_ai/stream": "another SDK, cloudflare",
  "gemini/stream-array": "the SDK always asks for an event stream",
  "gemini/stream-array-error": "the SDK always asks for an event stream",
};

const askable = transcripts.filter(
  ({ provider, title }) => provider !== undefined && NOT_BY_SDK[title] === undefined,
);

function casesOf(matches: (transcript: Transcript) => boolean): readonly Transcript[] {
  return askable.filter(matches);
}

/** What servers that speak as OpenAI does answer alike; Mistral's streams differ. */
const WHOLE = ["openai_chat/plain", "openai_chat/tools", "openai_chat/error"];
const STREAMED = ["openai_chat/stream", "openai_chat/stream-tools"];

export const SDKS: readonly Sdk[] = [
  {
    name: "openai",
    credentials: { API_KEY: CREDENTIALS.openai },
    cases: casesOf(
      ({ format, provider }) => /^openai_/.test(format) && !/^(groq|mistral|ollama)$/.test(provider!),
    ),
  },
  {
    name: "anthropic",
    credentials: { API_KEY: CREDENTIALS.anthropic },
    cases: casesOf(({ format }) => /^anthropic_/.test(format)),
  },
  {
    name: "google",
    credentials: { API_KEY: CREDENTIALS.google },
    cases: casesOf(({ format }) => /^(gemini|imagen)/.test(format)),
  },
  {
    name: "cohere",
    credentials: { API_KEY: CREDENTIALS.cohere },
    cases: casesOf(({ provider }) => provider === "cohere"),
  },
  {
    name: "mistral",
    credentials: { API_KEY: CREDENTIALS.mistral },
    cases: casesOf(({ provider, title }) => provider === "mistral" || WHOLE.includes(title)),
  },
  {
    name: "groq",
    credentials: { API_KEY: CREDENTIALS.groq },
    cases: casesOf(({ provider, title }) => provider === "groq" || [...WHOLE, ...STREAMED].includes(title)),
  },
  {
    name: "bedrock",
    credentials: {
      AWS_ACCESS_KEY_ID: CREDENTIALS.awsKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.awsSecretKey,
      AWS_SESSION_TOKEN: CREDENTIALS.awsSessionToken,
    },
    cases: casesOf(({ provider }) => provider === "aws_bedrock"),
  },
  { name: "ollama", credentials: {}, cases: casesOf(({ provider }) => provider === "ollama") },
];

/** A case as a client reads it from its standard input. */
export function caseOf({ title, format, host, path, request, response, messages }: Transcript) {
  return {
    ...{ title, format, host, path, question: request?.json ?? null },
    streamed: response?.type.startsWith("text/event-stream") ?? false,
    /** What the client says in a WebSocket. */
    said: messages?.filter(({ from }) => from === "client").map(({ data }) => data),
  };
}

/** All hosts of the cases but this machine's own. */
export const HOSTS = [
  ...new Set(
    SDKS.flatMap(({ cases }) => cases.map(({ host }) => host)).filter((host) => !host.includes(":")),
  ),
];

/** Told by every SDK: what the caller did not get must not be in the event either. */
const ALWAYS = ["content", "finish_reason", "tool_calls", "reasoning", "citations", "media"] as const;

/** The part of the event that the SDK's caller can compare, and the same of what the caller got. */
export function comparable(
  event: OximyEvent,
  { answer }: SdkAnswer,
): { readonly told: object; readonly got: object } {
  const { error, usage, ...got } = answer;
  const response = event.interaction?.response ?? {};
  const fields = [...new Set([...ALWAYS, ...Object.keys(got)])];
  const pick = (from: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(fields.map((field) => [field, from[field] ?? null]));
  return {
    told: { ...pick(response), failed: response.error !== undefined },
    got: { ...pick(got), failed: error !== undefined },
  };
}

/** Transcripts of APIs that no client asks for. */
export function unasked(): string[] {
  const asked = new Set(SDKS.flatMap(({ cases }) => cases.map(({ title }) => title)));
  return transcripts
    .filter(({ provider, title }) => provider !== undefined && !asked.has(title))
    .map(({ title }) => title)
    .sort();
}
