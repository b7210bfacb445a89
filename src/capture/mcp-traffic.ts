/**
 * MCP over streamable HTTP (modelcontextprotocol.io, specification 2025-06-18, basic/transports): a client's messages
 * are bodies of POST, a server's are the answers to them or stand in a stream of events. Exchanges in, events out.
 */

import type { Owner } from "../connection/client.js";
import type { Connection } from "../connection/connection.js";
import { requestHost } from "../event/build.js";
import type { ClientRepo, EventMetadata, OximyEvent } from "../event/event.js";
import { buildMcpEvent } from "../event/mcp.js";
import { redactPath } from "../event/redact.js";
import {
  DEFAULT_LIMITS,
  type EventStreamListener,
  type Exchange,
  type Fields,
} from "../exchange/exchange.js";
import { present } from "../interaction/json.js";
import { type McpCall, McpSession, type MessageFacts } from "../interaction/mcp/mcp-session.js";
import type { RpcId, RpcMessage } from "../interaction/mcp/rpc-message.js";
import { LruCache } from "../lru-cache.js";
import { McpHosts } from "../oisp/mcp-hosts.js";
import { eventConnection } from "./exchange-reading.js";
import { answersOf, McpStream, requestsOf, type Saying, StreamBudget, sayingAt } from "./mcp-stream.js";

/** A session is what two parties know of each other; those used last are kept. */
const MAX_SESSIONS = 1_000;
/** Answers of a client to what was asked in a stream that is read when it has ended. */
const MAX_EARLY = 200;
/** Calls of a session that were accepted, and whose answers are to come in its stream. */
const MAX_ACCEPTED = 1_000;

type Answer = Extract<RpcMessage, { kind: "answer" }>;

export interface Dialogue {
  readonly session: McpSession;
  /** What carried the calls that are told. */
  current: Carrier;
  /** A stream that is left is read when it ends, which is after what it asks for was answered. */
  readonly early: LruCache<RpcId, { readonly message: Answer; readonly facts: MessageFacts }>;
  /** Streams that the client has opened to listen, and that are open. */
  listening: number;
  /** Answered by a mere 202: the transport of 2024-11-05 answers in the stream that the client listens to. */
  readonly accepted: Map<RpcId, Carrier>;
  events: OximyEvent[];
}

interface Carrier {
  readonly info: Connection;
  readonly passage: EventMetadata;
}

export class McpTraffic {
  private readonly hosts: McpHosts;
  private readonly dialogues = new LruCache<string, Dialogue>(MAX_SESSIONS);
  private readonly waiting: StreamBudget;
  /** The streams that were read while they lived, by what they came to. */
  private readonly streams = new WeakMap<Exchange, McpStream>();

  /** @param maxMessage bytes from which on of a message in a stream only its outline is kept */
  constructor(
    hosts: readonly string[],
    private readonly repoOf?: (owner: Owner) => ClientRepo | undefined,
    maxMessage = DEFAULT_LIMITS.maxBody,
  ) {
    this.waiting = new StreamBudget(maxMessage);
    this.hosts = new McpHosts(hosts);
  }

  isNamed({ host, port }: Connection): boolean {
    return this.hosts.has(host, port);
  }

  /** A stream of events of a host that is named begins: what is said in it is told when it has come. */
  listen(
    info: Connection,
    fields: Fields,
    soFar: (time: number) => Exchange,
    tell: (event: OximyEvent) => void,
  ): EventStreamListener {
    const stream = new McpStream(this.waiting, fields);
    return {
      push: (bytes, time) => {
        const messages = stream.push(bytes);
        if (stream.isLeft || (messages.length === 0 && stream.hasBegun)) return;
        const exchange = soFar(time);
        const dialogue = this.begin(info, exchange, stream);
        if (dialogue === undefined) return;
        const events = this.take(info, exchange, dialogue, () => {
          // Not before the whole of it is there.
          if (exchange.requestEndedAt !== undefined) this.ask(dialogue, stream.asked(exchange));
          this.answer(dialogue, messages.map(sayingAt(time)));
        });
        for (const event of events) tell(event);
      },
      end: (exchange) => {
        if (!stream.isLeft) this.streams.set(exchange, stream);
      },
    };
  }

  /** Undefined when the exchange is none of MCP. */
  eventsOf(info: Connection, exchange: Exchange): OximyEvent[] | undefined {
    const { response, endedAt } = exchange;
    const stream = this.streams.get(exchange);
    const last = stream?.end().map(sayingAt(endedAt));
    if (isCutPost(exchange)) return undefined;
    const requests = requestsOf(exchange);
    const asked = stream ? stream.asked(exchange) : requests;
    const answered = last ?? answersOf(exchange);
    const isOfMcp = requests.length + answered.length > 0 || stream?.hasSpoken || isOfTransport(exchange);
    const dialogue = stream?.dialogue ?? (isOfMcp ? this.dialogueOf(info, exchange) : undefined);
    if (dialogue && stream?.isListening) dialogue.listening -= 1;
    if (!isOfMcp || dialogue === undefined) return undefined;
    return this.take(info, exchange, dialogue, () => {
      this.ask(dialogue, asked);
      this.answer(dialogue, answered);
      this.end(dialogue, exchange, requests, stream ? stream.isTorn : response?.body.truncated === true);
      if (stream?.isListening && dialogue.listening === 0) this.endAccepted(dialogue, exchange);
    });
  }

  /** Undefined for a stream of which nothing can be told. */
  private begin(info: Connection, exchange: Exchange, stream: McpStream): Dialogue | undefined {
    if (stream.hasBegun) return stream.dialogue;
    stream.hasBegun = true;
    if (isCutPost(exchange)) return undefined;
    const dialogue = this.dialogueOf(info, exchange);
    stream.dialogue = dialogue;
    stream.isListening = exchange.request.method === "GET";
    if (stream.isListening) dialogue.listening += 1;
    return dialogue;
  }

  private take(info: Connection, exchange: Exchange, dialogue: Dialogue, say: () => void): OximyEvent[] {
    dialogue.current = { info, passage: passageOf(info, exchange) };
    dialogue.events = [];
    say();
    return dialogue.events;
  }

  private ask({ session, early }: Dialogue, asked: readonly Saying[]): void {
    for (const { message, facts } of asked) {
      if (!session.take("client", message, facts) && message.kind === "answer") {
        early.set(message.id, { message, facts });
      }
    }
  }

  private answer(dialogue: Dialogue, answered: readonly Saying[]): void {
    const { session, early, accepted, current } = dialogue;
    for (const { message, facts } of answered) {
      if (message.kind === "answer") {
        dialogue.current = accepted.get(message.id) ?? current;
        accepted.delete(message.id);
      }
      session.take("server", message, facts);
      dialogue.current = current;
      if (message.kind !== "request") continue;
      const answer = early.get(message.id);
      early.delete(message.id);
      if (answer) session.take("client", answer.message, { ...answer.facts, time: facts.time });
    }
  }

  /** What an exchange asked for and has no answer to when it is over. */
  private end(dialogue: Dialogue, exchange: Exchange, requests: readonly Saying[], isCut: boolean): void {
    const { session, accepted, current } = dialogue;
    const { endedAt, response, error } = exchange;
    const isAnswered = error === undefined && response !== undefined;
    for (const { message } of requests) {
      if (message.kind !== "request") continue;
      const { id } = message;
      if (isCut) {
        const answer = { kind: "cut", as: "result" } as const;
        session.take("server", { kind: "answer", id, answer }, { time: endedAt, isCut: true });
      }
      const isAccepted = isAnswered && response.status === 202 && dialogue.listening > 0;
      if (isAccepted && accepted.size < MAX_ACCEPTED) accepted.set(id, current);
      // What is open still was answered by a status, or elsewhere, or not at all.
      else session.abandon("client", id, isAnswered ? undefined : unansweredOf(exchange), endedAt);
    }
  }

  private endAccepted({ session, accepted }: Dialogue, exchange: Exchange): void {
    for (const id of accepted.keys()) session.abandon("client", id, unansweredOf(exchange), exchange.endedAt);
    accepted.clear();
  }

  private dialogueOf(info: Connection, exchange: Exchange): Dialogue {
    const { request, response } = exchange;
    const id = field(response?.fields ?? [], SESSION) ?? field(request.fields, SESSION);
    const { owner, host, port } = info;
    // Servers need not give ids: then one process has one session with a host.
    const whose = owner.kind === "process" ? `process ${owner.process.pid}` : `connection ${info.id}`;
    const key = `${host}:${port}/${id === undefined ? whose : `session ${id}`}`;
    const known = this.dialogues.get(key);
    if (known) return known;
    const dialogue: Dialogue = {
      session: new McpSession((call) => dialogue.events.push(this.eventOf(call, dialogue.current))),
      current: { info, passage: passageOf(info, exchange) },
      early: new LruCache(MAX_EARLY),
      listening: 0,
      accepted: new Map(),
      events: [],
    };
    this.dialogues.set(key, dialogue);
    return dialogue;
  }

  private eventOf(call: McpCall, { info, passage }: Carrier): OximyEvent {
    const repo = this.repoOf?.(info.owner);
    return buildMcpEvent({
      call,
      transport: "http",
      label: info.host,
      owner: info.owner,
      port: info.peer.port,
      ...(info.app && { app: info.app }),
      ...(repo && { repo }),
      passage,
    });
  }
}

const SESSION = "mcp-session-id";

function field(fields: Fields, wanted: string): string | undefined {
  return fields.find(([name]) => name.toLowerCase() === wanted)?.[1];
}

/** "Sessions", "Listening for Messages from the Server": the ends of a session, and streams in which nothing was said. */
function isOfTransport({ request }: Exchange): boolean {
  switch (request.method) {
    case "DELETE":
      return field(request.fields, SESSION) !== undefined;
    case "GET":
      return field(request.fields, "accept")?.includes("text/event-stream") === true;
    default:
      return false;
  }
}

/** Of a request that is cut the id may stand where it is missing. */
const isCutPost = ({ request }: Exchange) => request.body.truncated && request.method === "POST";

const unansweredOf = ({ error }: Exchange): NonNullable<McpCall["unanswered"]> =>
  error === "client_aborted" || error === "capture_lost" ? error : "server_closed";

function passageOf(info: Connection, exchange: Exchange): EventMetadata {
  return present<EventMetadata>({
    request_method: exchange.request.method,
    request_host: requestHost({ exchange, connection: eventConnection(info) }),
    request_path: redactPath(exchange.request.path),
    response_status: exchange.response?.status,
    protocol: exchange.protocol,
    via: info.via,
  });
}
