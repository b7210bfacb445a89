/** Puts calls into conversations. Values in, values out; what is remembered is bounded. */

import { Buffer } from "node:buffer";
import type { ToolCall } from "../../interaction/interaction.js";
import { objectOf, stringOf } from "../../interaction/json.js";
import { LruCache } from "../../lru-cache.js";
import type { Chain } from "./message-chain.js";
import type { SentIds } from "./sent-ids.js";

/** A call that has ended. */
export interface Call {
  readonly eventId: string;
  /** Whose call it is: nothing is ever joined across users. */
  readonly user: string;
  /** The process that made it, or what stands for it; a chain of messages is looked for within one. */
  readonly process: string;
  /** Its program and folder: a later process of both may take a conversation up again. Absent when not known. */
  readonly program?: string;
  readonly connection: string;
  readonly ids: SentIds;
  readonly chain: Chain;
  readonly answer?: string;
  readonly tools: readonly ToolCall[];
  readonly failed: boolean;
}

/** Where an event stands. The order of the fields is the order on the line. */
export interface EventConversation {
  /** As the program or the provider calls it, else the id of its first event. */
  id: string;
  /** Which call of its agent within the conversation it is, from 1, by their ends. */
  turn: number;
  /** The event that this one goes on from, or the one that started its agent; absent when that is not known. */
  parent_event_id?: string;
  /** The agent within the conversation, by its own id or that of its first event; absent for the first agent. */
  agent?: string;
}

interface Conversation {
  readonly id: string;
  readonly turns: LruCache<string, number>;
}

/** A call as it is remembered. */
interface Place {
  readonly conversation: Conversation;
  readonly agent: string | undefined;
  readonly eventId: string;
  readonly process: string;
  readonly connection: string;
  readonly failed: boolean;
  /** A call went on from it. */
  continued: boolean;
}

/** A text by which a later conversation tells where it comes from. */
interface Trace {
  readonly text: string;
  readonly place: Place;
  /** It has begun a conversation. */
  used: boolean;
}

export interface ConversationLimits {
  readonly conversations: number;
  readonly places: number;
}

const LIMITS: ConversationLimits = { conversations: 2_000, places: 20_000 };
const MOST_AGENTS = 256;
/** Calls whose conversations are the same to the letter. */
const MOST_ALIKE = 256;
const MOST_SCOPES = 500;
const MOST_TRACES = 32;
/** Shorter texts may be anybody's. */
const SHORTEST_TRACE = 24;
const SHORTEST_SUMMARY = 200;
const LONGEST_TRACE = 512;
/** Arguments of tools that start agents: Claude Code, Codex, opencode, Gemini CLI, Copilot. */
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
    // Who names the thread says whose it is. opencode tells all that was said, by agents too, to make it short.
    const isTold = ids.thread !== undefined;
    const prompt =
      before !== undefined || (isTold && namedAgent === undefined)
        ? undefined
        : unusedIn(this.prompts.get(scope), call.chain.first);
    const told = this.summaries.get(scope);
    const summaries = isTold ? told?.filter(({ place }) => place.agent === namedAgent) : told;
    const summary = (before ?? prompt) === undefined ? unusedIn(summaries, call.chain.first) : undefined;
    const parent = before ?? prompt?.place ?? summary?.place;
    const conversation = this.conversation(user, name, parent, call.eventId);
    // Another's agent is not that of what it started.
    const agent = isTold ? namedAgent : (namedAgent ?? (prompt === undefined ? parent?.agent : call.eventId));
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

  /** What the call says itself. */
  private nameOf(user: string, ids: SentIds): { name?: string | undefined; agent?: string | undefined } {
    const { conversation, thread, parentThread } = ids;
    const agent = ids.agent === undefined ? {} : { agent: ids.agent };
    if (thread === undefined) return { name: conversation, ...agent };
    const known = this.threads.get(`${user}\0${thread}`);
    if (known !== undefined) return known;
    const parent = parentThread === undefined ? undefined : this.threads.get(`${user}\0${parentThread}`);
    // opencode calls the thread by both names: that says nothing of the conversation.
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

  /** The call that this one goes on from. */
  private before(call: Call, scope: string): Place | undefined {
    const { previous } = call.ids;
    const told = previous === undefined ? undefined : this.answers.get(`${call.user}\0${previous}`);
    return told ?? this.longestChain(call, scope) ?? this.takenUp(call);
  }

  /** What an earlier process of the program left, where that can be one conversation only (Gemini CLI's --resume). */
  private takenUp(call: Call): Place | undefined {
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
      const asked = this.sent.get(key);
      if (asked === undefined) continue;
      // The same once more is another's who asks the same, unless the answer did not come.
      if (at === sent.length - 1) {
        const failed = asked.filter((place) => place.failed && !place.continued);
        if (failed.length > 0) return nearest(failed, call);
      } else if (asked.every(({ conversation }) => conversation === asked[0]!.conversation)) {
        return asked.at(-1);
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

/** Undefined for who says by ids what goes on from what. */
function leftScope({ user, program, ids }: Call): string | undefined {
  const isNamed = ids.conversation !== undefined || ids.thread !== undefined;
  return program === undefined || isNamed ? undefined : `${user}\0${program}`;
}

/** Of calls with the same conversation: of the same connection, else of the same process, one that none went on from. */
function nearest(places: readonly Place[], { connection, process }: Call): Place {
  const fresh = places.filter(({ continued }) => !continued);
  const among = fresh.length > 0 ? fresh : places;
  return (
    among.find((place) => place.connection === connection) ??
    among.find((place) => place.process === process) ??
    among[0]!
  );
}

/** The trace whose text stands in a conversation's first message: what has begun none comes first. */
function unusedIn(traces: readonly Trace[] | undefined, first: string): Trace | undefined {
  const found = traces?.filter(({ text }) => first.includes(text)) ?? [];
  return found.find(({ used }) => !used) ?? found.at(-1);
}

/** A piece of a text would keep the whole text in memory. */
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
