/** The row of an event in the timeline. */

import type { OximyEvent } from "../../event/event.js";
import { askedOf, countedUsage } from "../../event/facts.js";
import { isFailed } from "../../event/outcome.js";
import { present } from "../../interaction/json.js";
import { sessionKey } from "../../traces/sessions.js";
import type { Row } from "../wire.js";
import { adviceFor } from "./reason-advice.js";

/** Longest name; names are kept in memory as long as the page is served. */
const NAME = 200;

/** @param certificate path of the certificate of Oximy's authority, for the advice */
export function rowOf(event: OximyEvent, words: string | undefined, certificate: string): Row {
  const { app, client, source, conversation, interaction, metadata, timing, mcp } = event;
  const usage = countedUsage(event);
  const { response_status: status, reason } = metadata;
  const failed = isFailed(event);
  return present({
    id: name(event.event_id) ?? "",
    at: Date.parse(event.timestamp) || 0,
    app: name(app?.name ?? client.name) ?? "unknown",
    appIds: [app?.id, client.name].flatMap((id) => name(id) ?? []),
    user: name(client.user ?? client.uid),
    project: name(client.repo?.root ?? client.cwd),
    provider: name(interaction?.provider ?? source.id) ?? "unknown",
    source: name(source.id) ?? "unknown",
    // For MCP the server and its tool, as in the feed and the totals.
    model: name(mcp === undefined ? (interaction?.model ?? interaction?.request.model) : askedOf(event)),
    type: name(interaction?.type),
    // An MCP server that the app started itself has no host.
    host: name(metadata.request_host ?? (mcp && source.id)) ?? "unknown",
    path: name(metadata.request_path),
    conversation: conversation === undefined ? undefined : name(sessionKey(event).replace("\0", "/")),
    turn: number(conversation?.turn),
    agent: name(conversation?.agent),
    words,
    input: number(usage?.input_tokens),
    output: number(usage?.output_tokens),
    cached: number(usage?.cache_read_tokens),
    cost: number(interaction?.cost_usd),
    duration: number(timing.duration_ms),
    status: number(status),
    failed: failed ? true : undefined,
    reason: name(reason),
    advice: reason === undefined ? undefined : adviceFor(reason, name(client.path), certificate),
  }) as Row;
}

/** Types in a file are not trusted. */
function name(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  return String(value).slice(0, NAME) || undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
