/** Groups calls into conversations. No I/O; memory is bounded. */

import { Buffer } from "node:buffer";
import type { ToolCall } from "../../interaction/interaction.js";
import { objectOf, stringOf } from "../../interaction/json.js";
import { LruCache } from "../../lru-cache.js";
import type { Chain } from "./message-chain.js";
import type { SentIds } from "./sent-ids.js";

/** A completed call. */
export interface Call {
  readonly eventId: string;
  /** The user: calls of different users are never grouped. */
  readonly user: string;
  /** The calling process, or a substitute; message chains are matched within one. */
  readonly process: string;
  /** Program and folder: a later process with both the same may resume a conversation. Absent when unknown. */
  readonly program?: string;
  readonly connection: string;
  readonly ids: SentIds;
  readonly chain: Chain;
  readonly answer?: string;
  readonly tools: readonly ToolCall[];
  readonly failed: boolean;
}

/** Position of an event in its conversation. Fields are written in the order of declaration. */
export interface EventConversation {
  /** Id assigned by the program or the provider, else that of the first event. */
  id: string;
  /** Number of the call within its agent in the conversation, from 1, in order of completion. */
  turn: number;
  /** The event that this one continues, or the one that started its agent; absent when unknown. */
  parent_event_id?: string;
  /** Agent within the conversation: its own id, or that of its first event; absent for the first agent. */
  agent?: string;
}

interface Conversation {
  readonly id: string;
  readonly turns: LruCache<string, number>;
}

/** A remembered call. */
interface Place {
  readonly conversation: Conversation;
  readonly agent: string | undefined;
  readonly eventId: string;
  readonly process: string;
  readonly connection: string;
  readonly failed: boolean;
  /** Another call continues it. */
  continued: boolean;
}

/** A text that links a later conversation to the call it originates from. */
interface Trace {
  readonly text: string;
  readonly place: Place;
  /** A conversation has been linked to it. */
  used: boolean;
}

export interface ConversationLimits {
  readonly conversations: number;
  readonly places: number;
}

const LIMITS: ConversationLimits = { conversations: 2_000, places: 20_000 };
const MOST_AGENTS = 256;
/** Limit of calls with identical conversations. */
const MOST_ALIKE = 256;
const MOST_SCOPES = 500;
const MOST_TRACES = 32;
/** Shorter texts are ambiguous. */
const SHORTEST_TRACE = 24;
const SHORTEST_SUMMARY = 200;
const LONGEST_TRACE = 512;
/** Arguments of tools that start agents, in Claude Code, Codex, opencode, Gemini CLI and Copilot. */
const PROMPTS = ["prompt", "message", "task", "instructions", "objective"];

export class Conversations {
  /** By user and the conversation's own name. */
  private readonly named: LruCache<string, Conversation>;
  /** By user and thread: threads of agents belong to the conversation that started them. */
  private readonly threads: LruCache<string, { readonly name: string; readonly agent: string }>;
  /** By scope and hash of the conversation with its answer, and without. */
  private readonly answered: LruCache<string, Place[]>;
  private readonly sent: LruCache<string, Place[]>;
  /** By user, program and hash of the conversation with its answer, of programs that send no ids. */
  private readonly left: LruCache<string, Place[]>;
  /** By user and the provider's id of the answer. */
  private readonly answers: LruCache<string, Place>;
  private readonly prompts = new LruCache<string, Trace[]>(MOST_SCOPES);
  private readonly summaries = new LruCache<string, Trace[]>(MOST_SCOPES);

  constructor({ conversations, places }: ConversationLimits = LIMITS) {
    this.named = new LruCache(conversations);
    this.threads = new LruCache(conversations);
    this.answered = new LruCache(places);
    this.sent = new LruCache(places);
    this.left = new LruCache(places);
    this.answers = new LruCache(places);
  }

  place(call: Call): EventConversation {
    const { user, ids } = call;
    const { name, agent: namedAgent } = this.nameOf(user, ids);
    const scope = name === undefined ? `${user}\0process ${call.process}` : `${user}\0named ${name}`;
    const before = this.before(call, scope);
    // A thread id also identifies the agent. opencode sends all messages, including those of agents, to summarise them.
    const hasThread = ids.thread !== undefined;
    const prompt =
      before !== undefined || (hasThread && namedAgent === undefined)
        ? undefined
        : unusedIn(this.prompts.get(scope), call.chain.first);
    const all = this.summaries.get(scope);
    const summaries = hasThread ? all?.filter(({ place }) => place.agent === namedAgent) : all;
    const summary = (before ?? prompt) === undefined ? unusedIn(summaries, call.chain.first) : undefined;
    const parent = before ?? prompt?.place ?? summary?.place;
    const conversation = this.conversation(user, name, parent, call.eventId);
    // A call started by an agent's tool call belongs to a new agent.
    const agent = hasThread
      ? namedAgent
      : (namedAgent ?? (prompt === undefined ? parent?.agent : call.eventId));
    if (parent !== undefined) parent.continued = true;
    for (const trace of [prompt, summary]) if (trace !== undefined) trace.used = true;
    const turn = (conversation.turns.get(agent ?? "") ?? 0) + 1;
    conversation.turns.set(agent ?? "", turn);
    this.remember(call, scope, { conversation, agent });
    return {
      id: conversation.id,
      turn,
      ...(parent !== undefined && { parent_event_id: parent.eventId }),
      ...(agent !== undefined && { agent }),
    };
  }

  /** Conversation and agent according to the ids in the call. */
  private nameOf(user: string, ids: SentIds): { name?: string | undefined; agent?: string | undefined } {
    const { conversation, thread, parentThread } = ids;
    const agent = ids.agent === undefined ? {} : { agent: ids.agent };
    if (thread === undefined) return { name: conversation, ...agent };
    const known = this.threads.get(`${user}\0${thread}`);
    if (known !== undefined) return known;
    const parent = parentThread === undefined ? undefined : this.threads.get(`${user}\0${parentThread}`);
    // opencode sends the thread id in both fields: then the conversation is unknown.
    const whole = conversation === thread ? undefined : conversation;
    const name = parent?.name ?? whole ?? parentThread ?? thread;
    if (name === thread) return { name, ...agent };
    const own = { name, agent: thread };
    this.threads.set(`${user}\0${thread}`, own);
    return own;
  }

  private conversation(
    user: string,
    name: string | undefined,
    parent: Place | undefined,
    eventId: string,
  ): Conversation {
    if (name === undefined) return parent?.conversation ?? { id: eventId, turns: new LruCache(MOST_AGENTS) };
    const key = `${user}\0${name}`;
    const known = this.named.get(key) ?? { id: name, turns: new LruCache(MOST_AGENTS) };
    this.named.set(key, known);
    return known;
  }

  /** The call that this one continues. */
  private before(call: Call, scope: string): Place | undefined {
    const { previous } = call.ids;
    const named = previous === undefined ? undefined : this.answers.get(`${call.user}\0${previous}`);
    return named ?? this.longestChain(call, scope) ?? this.resumed(call);
  }

  /** A call of an earlier process of the program, if the conversation is unambiguous (Gemini CLI's --resume). */
  private resumed(call: Call): Place | undefined {
    const scope = leftScope(call);
    if (scope === undefined) return undefined;
    for (const hash of call.chain.sent.slice(0, -1).reverse()) {
      const places = this.left.get(`${scope}\0${hash}`);
      if (places === undefined) continue;
      const [first, ...others] = places;
      return others.every(({ conversation }) => conversation === first!.conversation)
        ? nearest(places, call)
        : undefined;
    }
    return undefined;
  }

  private longestChain(call: Call, scope: string): Place | undefined {
    const { sent } = call.chain;
    for (let at = sent.length - 1; at >= 0; at -= 1) {
      const key = `${scope}\0${sent[at]}`;
      const answered = this.answered.get(key);
      if (answered !== undefined) return nearest(answered, call);
      const same = this.sent.get(key);
      if (same === undefined) continue;
      // An identical request belongs to another conversation, unless it repeats a failed one.
      if (at === sent.length - 1) {
        const failed = same.filter((place) => place.failed && !place.continued);
        if (failed.length > 0) return nearest(failed, call);
      } else if (same.every(({ conversation }) => conversation === same[0]!.conversation)) {
        return same.at(-1);
      }
    }
    return undefined;
  }

  private remember(
    call: Call,
    scope: string,
    { conversation, agent }: Pick<Place, "conversation" | "agent">,
  ): void {
    const { eventId, process, connection, failed, chain, ids, user } = call;
    const place: Place = { conversation, agent, eventId, process, connection, failed, continued: false };
    const sent = chain.sent.at(-1);
    if (sent !== undefined) add(this.sent, `${scope}\0${sent}`, place, MOST_ALIKE);
    if (chain.answered !== undefined) add(this.answered, `${scope}\0${chain.answered}`, place, MOST_ALIKE);
    const left = leftScope(call);
    if (left !== undefined && chain.answered !== undefined) {
      add(this.left, `${left}\0${chain.answered}`, place, MOST_ALIKE);
    }
    if (ids.answer !== undefined) this.answers.set(`${user}\0${ids.answer}`, place);
    for (const text of promptsOf(call.tools)) {
      add(this.prompts, scope, { text, place, used: false }, MOST_TRACES);
    }
    const summary = call.answer?.trim() ?? "";
    if (summary.length >= SHORTEST_SUMMARY) {
      const trace = { text: copyOf(summary.slice(0, LONGEST_TRACE)), place, used: false };
      add(this.summaries, scope, trace, MOST_TRACES);
    }
  }
}

/** Undefined for programs that send ids. */
function leftScope({ user, program, ids }: Call): string | undefined {
  const isNamed = ids.conversation !== undefined || ids.thread !== undefined;
  return program === undefined || isNamed ? undefined : `${user}\0${program}`;
}

/**
 * Among calls with identical messages: one not yet continued, from the same connection if possible, else the same
 * process.
 */
function nearest(places: readonly Place[], { connection, process }: Call): Place {
  const fresh = places.filter(({ continued }) => !continued);
  const among = fresh.length > 0 ? fresh : places;
  return (
    among.find((place) => place.connection === connection) ??
    among.find((place) => place.process === process) ??
    among[0]!
  );
}

/** The trace whose text occurs in a conversation's first message; unused ones are preferred. */
function unusedIn(traces: readonly Trace[] | undefined, first: string): Trace | undefined {
  const found = traces?.filter(({ text }) => first.includes(text)) ?? [];
  return found.find(({ used }) => !used) ?? found.at(-1);
}

/** Copied, since a substring would keep the whole text in memory. */
function copyOf(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}

function promptsOf(tools: readonly ToolCall[]): string[] {
  return tools.flatMap(({ arguments: given }) =>
    PROMPTS.flatMap((name) => {
      const text = stringOf(objectOf(given)[name])?.trim() ?? "";
      return text.length < SHORTEST_TRACE ? [] : [copyOf(text.slice(0, LONGEST_TRACE))];
    }),
  );
}

function add<T>(lists: LruCache<string, T[]>, key: string, value: T, most: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else {
    list.push(value);
    if (list.length > most) list.shift();
  }
}
