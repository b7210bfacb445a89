/** Extracts from an exchange what is needed to place it in a conversation. */

import type { Owner } from "../../connection/client.js";
import { lastCreate } from "../../interaction/formats/openai-responses.js";
import type { DecodedExchange, Interaction, InteractionType } from "../../interaction/interaction.js";
import type { Call } from "./conversations.js";
import { chainOf } from "./message-chain.js";
import { sentIds } from "./sent-ids.js";

/** Types that can be part of a conversation; others are standalone. */
const TYPES: ReadonlySet<InteractionType> = new Set(["chat", "completion", "realtime", "unknown"]);

export interface CallSource {
  readonly exchange: DecodedExchange;
  readonly interaction: Interaction;
  readonly owner: Owner;
  readonly connection: number;
  /** Why the exchange is incomplete. */
  readonly error?: string;
}

/** Undefined for exchanges that are not part of a conversation. */
export function callOf(source: CallSource): Omit<Call, "eventId"> | undefined {
  const { exchange, interaction, owner, connection } = source;
  if (!TYPES.has(interaction.type) || isWarmUp(exchange)) return undefined;
  const { response } = interaction;
  return {
    ...ownerOf(owner, connection),
    connection: String(connection),
    ids: sentIds(exchange),
    chain: chainOf(interaction),
    ...(response?.content !== undefined && { answer: response.content }),
    tools: response?.tool_calls ?? [],
    failed: source.error !== undefined || response === undefined || (exchange.status ?? 0) >= 400,
  };
}

/** `generate: false` in a WebSocket: Codex warms up its next call without generating anything. */
function isWarmUp({ requestBody }: DecodedExchange): boolean {
  return requestBody.kind === "stream" && lastCreate(requestBody.chunks)?.generate === false;
}

/** A connection with unknown owner is never grouped with others. */
function ownerOf(owner: Owner, connection: number): Pick<Call, "user" | "process" | "program"> {
  const alone = `connection ${connection}`;
  if (owner.kind === "unknown")
    return { user: owner.uid === undefined ? alone : `${owner.uid}`, process: alone };
  const { uid, pid, startTime, path, script, cwd, container } = owner.process;
  const process = `${pid} ${startTime ?? ""}`;
  if (uid === undefined) return { user: alone, process };
  const program = path === undefined ? {} : { program: [path, script, cwd, container?.id].join("\0") };
  return { user: `${uid}`, process, ...program };
}
