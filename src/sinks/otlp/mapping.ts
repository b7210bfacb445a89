/**
 * Maps an event to OpenTelemetry: all names of attributes, metrics and events, in one place.
 *
 * After the GenAI conventions, https://github.com/open-telemetry/semantic-conventions-genai at commit
 * 024a4f944a1291fcb627c9c47da69e79868dd15e (docs/gen-ai/client-inference.md), and for HTTP, processes and hosts the
 * general ones, v1.44.0. Attributes that they do not define are under `oximy.`.
 */

import type { EventClient, OximyEvent } from "../../event/event.js";
import { countedUsage } from "../../event/facts.js";
import { isFailed } from "../../event/outcome.js";
import type { InteractionType, Usage } from "../../interaction/interaction.js";
import { numberOf, objectOf, present, wordOf } from "../../interaction/json.js";
import type { OtlpNames } from "../../user/otlp-settings.js";
import { mcpAttributes, mcpSpanAttributes, mcpSpanName } from "./mcp-mapping.js";

export const CONVENTIONS_COMMIT = "024a4f944a1291fcb627c9c47da69e79868dd15e";

export type AttributeValue = string | number | boolean | string[];
export type AttributeSet = Record<string, AttributeValue>;

/** Log events. */
export const DETAILS_EVENT = "gen_ai.client.inference.operation.details";
export const NOT_READ_EVENT = "oximy.not_read";

export const CONTENT_ATTRIBUTES = {
  input: "gen_ai.input.messages",
  output: "gen_ai.output.messages",
  system: "gen_ai.system_instructions",
  tools: "gen_ai.tool.definitions",
  truncated: "oximy.content.truncated",
} as const;

export const DURATION_METRIC: Readonly<Record<OtlpNames, string>> = {
  latest: "gen_ai.client.inference.duration",
  "1.40": "gen_ai.client.operation.duration",
};
/** Seconds; "This metric SHOULD be specified with ExplicitBucketBoundaries of …". */
export const DURATION_BOUNDARIES = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
/** With the latest names: the token counters, and which field of a usage each counts. */
export const TOKEN_COUNTERS: Readonly<Record<string, keyof Usage>> = {
  "gen_ai.client.inference.usage.input_tokens": "input_tokens",
  "gen_ai.client.inference.usage.output_tokens": "output_tokens",
  "gen_ai.client.inference.usage.cache_read.input_tokens": "cache_read_tokens",
  "gen_ai.client.inference.usage.cache_write.input_tokens": "cache_creation_tokens",
  "gen_ai.client.inference.usage.reasoning.output_tokens": "reasoning_tokens",
};
/** Providers do not report the modality of a call's tokens. */
export const COUNTER_ATTRIBUTES: AttributeSet = { "gen_ai.token.modality": "unknown" };
/** Up to 1.40: one histogram with a type. */
export const TOKEN_HISTOGRAM = "gen_ai.client.token.usage";
export const TOKEN_TYPE = "gen_ai.token.type";
/** "… ExplicitBucketBoundaries of [1, 4, 16, …]" (gen-ai-metrics.md of v1.37.0). */
export const TOKEN_BOUNDARIES = [
  1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
];

const PROVIDERS: Readonly<Record<string, string>> = {
  aws_bedrock: "aws.bedrock",
  azure_openai: "azure.ai.openai",
  azure_cognitive_services: "azure.ai.inference",
  google: "gcp.gemini",
  google_vertex: "gcp.vertex_ai",
  google_vertex_anthropic: "gcp.vertex_ai",
  mistral: "mistral_ai",
  moonshotai: "moonshot_ai",
  moonshotai_cn: "moonshot_ai",
  xai: "x_ai",
};

/** Providers that the conventions do not name keep the bundle's id. */
const providerOf = ({ interaction, source }: OximyEvent): string => {
  const id = interaction?.provider ?? source.id;
  return Object.hasOwn(PROVIDERS, id) ? PROVIDERS[id]! : id;
};

const OPERATIONS: Readonly<Record<InteractionType, string>> = {
  chat: "chat",
  realtime: "chat",
  completion: "text_completion",
  embedding: "embeddings",
  image: "generate_content",
  audio: "generate_content",
  search: "retrieval",
  rerank: "rerank",
  moderation: "moderation",
  token_count: "count_tokens",
  batch: "batch",
  mcp: "execute_tool",
  unknown: "unknown",
};

export const usageOf = (event: OximyEvent): Usage => countedUsage(event) ?? {};

/** What spans and metrics have in common. */
export function commonAttributes(event: OximyEvent): AttributeSet {
  const { interaction, metadata } = event;
  const { host, port } = hostAndPort(metadata.request_host, metadata.via === "plain" ? 80 : 443);
  if (event.mcp !== undefined) {
    return { ...mcpAttributes(event.mcp), ...known({ "server.address": host, "server.port": port }) };
  }
  return known({
    "gen_ai.operation.name": OPERATIONS[interaction?.type ?? "unknown"] ?? "unknown",
    "gen_ai.provider.name": providerOf(event),
    "gen_ai.request.model": wordOf(interaction?.request.model) ?? wordOf(interaction?.model),
    "gen_ai.response.model": wordOf(interaction?.response?.model),
    "server.address": host,
    "server.port": port,
  });
}

/** `{gen_ai.operation.name} {gen_ai.request.model}`; MCP calls have their own form. */
export function spanName(common: AttributeSet): string {
  const ofMcp = mcpSpanName(common);
  if (ofMcp !== undefined) return ofMcp;
  const model = common["gen_ai.request.model"];
  return `${common["gen_ai.operation.name"]}${model === undefined ? "" : ` ${model}`}`;
}

export function spanAttributes(event: OximyEvent, names: OtlpNames): AttributeSet {
  const { interaction, timing } = event;
  const request = objectOf(interaction?.request);
  const usage = usageOf(event);
  const finish =
    wordOf(interaction?.response?.finish_reason) ??
    (isFailed(event) && event.mcp === undefined ? "error" : undefined);
  const isLatest = names === "latest";
  const isStream = request.stream === true;
  return {
    ...commonAttributes(event),
    ...mcpSpanAttributes(event),
    ...known({
      "gen_ai.conversation.id": wordOf(event.conversation?.id),
      "gen_ai.request.stream": isLatest && isStream ? true : undefined,
      "gen_ai.request.temperature": numberOf(request.temperature),
      "gen_ai.request.top_p": numberOf(request.top_p),
      "gen_ai.request.top_k": numberOf(request.top_k),
      "gen_ai.request.max_tokens": numberOf(request.max_tokens),
      "gen_ai.request.seed": numberOf(request.seed),
      "gen_ai.request.frequency_penalty": numberOf(request.frequency_penalty),
      "gen_ai.request.presence_penalty": numberOf(request.presence_penalty),
      "gen_ai.request.choice.count": request.n === 1 ? undefined : numberOf(request.n),
      "gen_ai.request.reasoning.level": isLatest ? wordOf(objectOf(request.reasoning).effort) : undefined,
      "gen_ai.request.previous_response.id": isLatest ? wordOf(request.previous_response_id) : undefined,
      "gen_ai.response.id": wordOf(interaction?.response?.id),
      "gen_ai.response.finish_reasons": finish === undefined ? undefined : [finish],
      "gen_ai.response.time_to_first_chunk":
        isLatest && isStream && timing.ttfb_ms !== undefined ? timing.ttfb_ms / 1000 : undefined,
      "gen_ai.usage.input_tokens": usage.input_tokens,
      "gen_ai.usage.output_tokens": usage.output_tokens,
      "gen_ai.usage.cache_read.input_tokens": usage.cache_read_tokens,
      [isLatest ? "gen_ai.usage.cache_write.input_tokens" : "gen_ai.usage.cache_creation.input_tokens"]:
        usage.cache_creation_tokens,
      "gen_ai.usage.reasoning.output_tokens": isLatest ? usage.reasoning_tokens : undefined,
    }),
    ...errorAttributes(event),
    ...passageAttributes(event),
  };
}

/** For an exchange or connection that was not read: where it went, and why it was not read. */
export function notReadAttributes(event: OximyEvent): AttributeSet {
  const { metadata, source } = event;
  const { host, port } = hostAndPort(metadata.request_host, metadata.via === "plain" ? 80 : 443);
  return {
    ...known({
      "gen_ai.provider.name": source.type === "api" ? providerOf(event) : undefined,
      "server.address": host,
      "server.port": port,
      "oximy.reason": metadata.reason,
      "oximy.source.type": source.type,
      "oximy.source.id": source.id,
      "oximy.bytes.up": metadata.bytes_up,
      "oximy.bytes.down": metadata.bytes_down,
      "oximy.duration": event.timing.duration_ms === undefined ? undefined : event.timing.duration_ms / 1000,
    }),
    ...errorAttributes(event),
    ...passageAttributes(event),
  };
}

/** How it was captured, and which app and user made it. */
function passageAttributes(event: OximyEvent): AttributeSet {
  const { metadata, client, app, conversation, interaction } = event;
  return known({
    "http.request.method": metadata.request_method,
    "http.response.status_code": metadata.response_status,
    "url.path": metadata.request_path?.split("?")[0],
    "network.protocol.version": metadata.protocol === "h2" ? "2" : undefined,
    "user.id": client.uid === undefined ? undefined : String(client.uid),
    "user.name": client.user,
    "oximy.event.id": event.event_id,
    "oximy.trace_level": event.trace_level,
    "oximy.via": metadata.via,
    "oximy.app.id": app?.id,
    "oximy.app.name": app?.name,
    "oximy.app.vendor": app?.vendor,
    "oximy.app.category": app?.category,
    "oximy.app.host": app?.host_app?.id,
    "oximy.client.cwd": client.cwd,
    "oximy.client.repo": client.repo?.root,
    "oximy.client.branch": client.repo?.branch,
    "oximy.conversation.turn": conversation?.turn,
    "oximy.conversation.agent": conversation?.agent,
    "oximy.cost_usd": interaction?.cost_usd,
    "oximy.truncated": metadata.truncated,
  });
}

/** "SHOULD match the error code returned by the provider …, or another low-cardinality error identifier." */
export function errorAttributes(event: OximyEvent): AttributeSet {
  if (!isFailed(event)) return {};
  const { error, response_status: status } = event.metadata;
  const reported = event.interaction?.response?.error;
  // "If the tool call result has isError set, error.type SHOULD be tool_error."
  if (event.mcp?.is_error && reported === undefined) return { "error.type": "tool_error" };
  const code = [
    reported?.code,
    reported?.type,
    status !== undefined && status >= 400 ? status : undefined,
    error,
  ]
    .filter((text) => text !== undefined && text !== null)
    .map(String)
    .find((text) => /^[\w.-]{1,64}$/.test(text));
  return { "error.type": code ?? "_OTHER" };
}

/** Human-readable error message of a span. */
export function errorMessage({ interaction, metadata }: OximyEvent): string | undefined {
  return wordOf(interaction?.response?.error?.message) ?? metadata.error;
}

/** The app is the service; without an app, the program. */
export function serviceName({ app, client }: OximyEvent): string {
  return app?.id ?? client.name ?? "unknown";
}

/** The resource is the app on this host. */
export function resourceAttributes(event: OximyEvent, host: AttributeSet): AttributeSet {
  return { ...host, "service.name": serviceName(event) };
}

/** The program that made the call. */
export function processAttributes({ pid, ppid, name, path, user }: EventClient): AttributeSet {
  return known({
    "process.pid": pid,
    "process.parent_pid": ppid,
    "process.executable.name": name,
    "process.executable.path": path,
    "process.owner": user,
  });
}

/** This machine. */
export function hostAttributes(host: { name: string; arch: string; system: string }): AttributeSet {
  const arch = host.arch === "x64" ? "amd64" : host.arch;
  return { "host.name": host.name, "host.arch": arch, "os.type": host.system };
}

/** The bundle's hosts include the port only if it is not the usual one. */
function hostAndPort(text: string | undefined, usual: number): { host?: string; port?: number } {
  if (text === undefined) return {};
  const [, host = text, port] = /^(.*?)(?::(\d{1,5}))?$/.exec(text) ?? [];
  return { host: host.replace(/^\[|\]$/g, ""), port: port === undefined ? usual : Number(port) };
}

/** Without undefined values. */
function known(attributes: Readonly<Record<string, AttributeValue | undefined>>): AttributeSet {
  return present(attributes) as AttributeSet;
}
