/** The conversations of a folder, each with its totals. */

import { Buffer } from "node:buffer";
import type { OximyEvent } from "../event/event.js";
import { appNameOf } from "../event/facts.js";
import { listOf, objectOf, stringOf } from "../interaction/json.js";
import { cutLine, WITHOUT_BODIES } from "./cut-line.js";
import { type EventLine, parseLine } from "./event-files.js";

export interface Session {
  readonly id: string;
  readonly user: string | null;
  readonly app: string;
  /** Root of the repository, else the client's working directory. */
  folder: string | null;
  branch: string | null;
  /** In the order of first use. */
  readonly models: string[];
  begun: string;
  ended: string;
  calls: number;
  /** Number of agents besides the main one. */
  agents: number;
  input_tokens: number;
  output_tokens: number;
  cost_usd: number;
  first_words: string | null;
}

const FIRST_WORDS = 200;

/** Distinguishes conversations of different users with the same id. */
export const sessionKey = ({ client, conversation }: OximyEvent) =>
  `${client.uid ?? ""}\0${conversation?.id}`;

/**
 * Ordered by last use, the latest last. Events outside of conversations are ignored. The events may be cut: the first
 * words are read from the line.
 */
export async function sessionsOf(lines: AsyncIterable<EventLine> | Iterable<EventLine>): Promise<Session[]> {
  const sessions = new Map<string, { session: Session; agents: Set<string> }>();
  for await (const { event, line } of lines) {
    if (event.conversation === undefined) continue;
    const key = sessionKey(event);
    const entry = sessions.get(key) ?? { session: emptySession(event), agents: new Set<string>() };
    sessions.set(key, entry);
    add(entry.session, entry.agents, event);
    if (event.conversation.agent === undefined) entry.session.first_words ??= firstWords(line) ?? null;
  }
  return [...sessions.values()]
    .map(({ session }) => session)
    .sort((a, b) => (a.ended < b.ended ? -1 : a.ended > b.ended ? 1 : 0));
}

function emptySession(event: OximyEvent): Session {
  const { conversation, client, timestamp } = event;
  return {
    id: conversation!.id,
    user: client.user ?? (client.uid === undefined ? null : String(client.uid)),
    app: appNameOf(event),
    folder: null,
    branch: null,
    models: [],
    begun: timestamp,
    ended: timestamp,
    calls: 0,
    agents: 0,
    input_tokens: 0,
    output_tokens: 0,
    cost_usd: 0,
    first_words: null,
  };
}

function add(session: Session, agents: Set<string>, event: OximyEvent): void {
  const { conversation, client, timestamp, interaction } = event;
  const usage = interaction?.response?.usage;
  const model = interaction?.model;
  session.calls += 1;
  session.folder ??= client.repo?.root ?? client.cwd ?? null;
  session.branch ??= client.repo?.branch ?? null;
  if (typeof model === "string" && !session.models.includes(model)) session.models.push(model);
  if (timestamp < session.begun) session.begun = timestamp;
  if (timestamp > session.ended) session.ended = timestamp;
  session.input_tokens += usage?.input_tokens ?? 0;
  session.output_tokens += usage?.output_tokens ?? 0;
  session.cost_usd += interaction?.cost_usd ?? 0;
  if (conversation?.agent !== undefined) {
    agents.add(conversation.agent);
    session.agents = agents.size;
  }
}

/** The user's first words: programs put their own text in HTML-like tags. */
export function firstWords(line: Buffer): string | undefined {
  const first = listOf(parseLine(cutLine(line, WITHOUT_BODIES))?.interaction?.request.messages)
    .map(objectOf)
    .find(({ role }) => role === "user");
  const texts = textsOf(first?.content).map((text) => text.trim());
  const words =
    texts.find((text) => text !== "" && !text.startsWith("<")) ?? texts.find((text) => text !== "");
  // A copy: a slice would keep the whole message in memory.
  return words === undefined ? undefined : Buffer.from(words.slice(0, FIRST_WORDS)).toString();
}

/** The texts of a message's content, one per part. */
export function textsOf(content: unknown): string[] {
  if (typeof content === "string") return [content];
  return listOf(content).flatMap((part) => stringOf(objectOf(part).text) ?? []);
}
