/** Builds the event of an MCP call. Pure. */

import type { AppMatch, Owner } from "../connection/client.js";
import type { InteractionRequest, InteractionResponse } from "../interaction/interaction.js";
import { objectOf, present, wordOf } from "../interaction/json.js";
import { withoutMedia } from "../interaction/mcp/mcp-content.js";
import type { McpCall, McpName } from "../interaction/mcp/mcp-session.js";
import type { RpcAnswer } from "../interaction/mcp/rpc-message.js";
import { appOf, clientOf, elapsed, ids, redacted, side, timestamp, withRepo } from "./build.js";
import {
  type ClientRepo,
  type EventMcp,
  type EventMetadata,
  type OximyEvent,
  SCHEMA_VERSION,
} from "./event.js";
import type { Finding } from "./finding.js";
import { Redactor } from "./redact.js";

export interface McpEventInput {
  readonly call: McpCall;
  readonly transport: EventMcp["transport"];
  /** Display name for servers that have not sent their own. */
  readonly label: string;
  readonly owner: Owner;
  /** The client's own port of the connection. */
  readonly port?: number;
  readonly app?: AppMatch;
  readonly repo?: ClientRepo;
  /** Network metadata, if it went over the network. */
  readonly passage?: EventMetadata;
}

export function buildMcpEvent(input: McpEventInput): OximyEvent {
  const { call } = input;
  const redactor = new Redactor();
  const request = side<InteractionRequest>(requestOf(call), undefined, redactor, "ended");
  const response = side(call.answer && responseOf(call.answer), undefined, redactor, "ended");
  const findings: Finding[] = [
    ...(request.isCut ? [{ rule: "credential", where: "request" } as const] : []),
    ...(response.isCut ? [{ rule: "credential", where: "response" } as const] : []),
  ];
  return present<OximyEvent>({
    event_id: ids.next(call.startedAt),
    schema_version: SCHEMA_VERSION,
    timestamp: timestamp(call.startedAt),
    source: {
      type: "mcp",
      id: redacted(call.server?.name ?? input.label)!,
      endpoint: redacted(call.method)!,
    },
    trace_level: "full",
    timing: { duration_ms: elapsed(call.startedAt, call.endedAt) },
    client: withRepo(clientOf(input.owner, input.port), input.repo),
    app: input.app && appOf(input.app),
    mcp: mcpOf(input),
    interaction: present({
      model: null,
      provider: null,
      type: "mcp" as const,
      request: request.value ?? {},
      response: response.value,
    }),
    findings: findings.length > 0 ? findings : undefined,
    metadata: present({
      ...input.passage,
      request_length: call.requestLength,
      content_length: call.answerLength,
      truncated: call.isCut || undefined,
      error: call.unanswered,
    }),
  });
}

function mcpOf({ call, transport }: McpEventInput): EventMcp {
  const { name, uri } = objectOf(call.params);
  const isCallOf = (...methods: readonly string[]) => methods.includes(call.method);
  return present<EventMcp>({
    transport,
    server: call.server && nameOf(call.server),
    client: call.client && nameOf(call.client),
    protocol_version: redacted(call.protocolVersion),
    from: call.from,
    method: redacted(call.method)!,
    tool: isCallOf("tools/call") ? redacted(wordOf(name)) : undefined,
    prompt: isCallOf("prompts/get") ? redacted(wordOf(name)) : undefined,
    resource: isCallOf("resources/read", "resources/subscribe", "resources/unsubscribe")
      ? redacted(wordOf(uri))
      : undefined,
    is_error: isError(call.answer) || undefined,
    progress: call.progress > 0 ? call.progress : undefined,
  });
}

const nameOf = ({ name, version }: McpName) => present({ name: redacted(name), version: redacted(version) });

/** Tools return their own errors within a result, so that the model sees them (`CallToolResult.isError`). */
function isError(answer: RpcAnswer | undefined): boolean {
  switch (answer?.kind) {
    case undefined:
      return false;
    case "error":
      return true;
    case "cut":
      return answer.as === "error";
    case "result":
      return objectOf(answer.result).isError === true;
  }
}

function requestOf({ method, params }: McpCall): InteractionRequest {
  return { method, ...(params !== undefined && { params: withoutMedia(params) }) };
}

function responseOf(answer: RpcAnswer): InteractionResponse {
  switch (answer.kind) {
    case "result":
      return { result: withoutMedia(answer.result) };
    case "error": {
      const { code, message, data } = answer;
      const error = present({ code: code === undefined ? undefined : String(code), message });
      return { error, ...(data !== undefined && { error_data: data }) };
    }
    case "cut":
      return {};
  }
}
