/**
 * MCP over streamable HTTP (modelcontextprotocol.io, specification 2025-06-18, basic/transports): a client's messages
 * are POST bodies, a server's are their responses or come in an event stream. Exchanges in, events out.
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
import { answersOf, type McpMessage, McpStream, messageAt, requestsOf, StreamBudget } from "./mcp-stream.js";

/** Most sessions, by least recent use. */
const MAX_SESSIONS = 1_000;
/** Answers of a client to requests in a deferred stream. */
const MAX_EARLY = 200;
/** Accepted calls of a session whose answers are expected in its stream. */
const MAX_ACCEPTED = 1_000;

type Answer = Extract<RpcMessage, { kind: "answer" }>;

export interface McpSessionState {
  readonly session: McpSession;
  /** The exchange that carried the calls being reported. */
  current: Carrier;
  /** Answers that came before their requests: a deferred stream is read at its end, after the client has answered. */
  readonly early: LruCache<RpcId, { readonly message: Answer; readonly facts: MessageFacts }>;
  /** Open streams that the client opened to listen. */
  listening: number;
  /** Calls answered by 202 only: the transport of 2024-11-05 answers in the stream that the client listens to. */
  readonly accepted: Map<RpcId, Carrier>;
  events: OximyEvent[];
}

interface Carrier {
  readonly info: Connection;
  readonly passage: EventMetadata;
}

export class McpTraffic {
  private readonly hosts: McpHosts;
  private readonly sessions = new LruCache<string, McpSessionState>(MAX_SESSIONS);
  private readonly waiting: StreamBudget;
  /** Streams that were read while open, by their finished exchange. */
  private readonly streams = new WeakMap<Exchange, McpStream>();

  /** @param maxMessage size from which only the outline of a message in a stream is kept */
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

  /** Reads an event stream of a named host while it is open, and emits its events as their messages arrive. */
  listen(
    info: Connection,
    fields: Fields,
    soFar: (time: number) => Exchange,
    emit: (event: OximyEvent) => void,
  ): EventStreamListener {
    const stream = new McpStream(this.waiting, fields);
    return {
      push: (bytes, time) => {
        const messages = stream.push(bytes);
        if (stream.isDeferred || (messages.length === 0 && stream.hasBegun)) return;
        const exchange = soFar(time);
        const state = this.begin(info, exchange, stream);
        if (state === undefined) return;
        const events = this.collect(info, exchange, state, () => {
          // Only once the request is complete.
          if (exchange.requestEndedAt !== undefined) this.fromClient(state, stream.takeRequests(exchange));
          this.fromServer(state, messages.map(messageAt(time)));
        });
        for (const event of events) emit(event);
      },
      end: (exchange) => {
        if (!stream.isDeferred) this.streams.set(exchange, stream);
      },
    };
  }

  /** Undefined when the exchange is not MCP. */
  eventsOf(info: Connection, exchange: Exchange): OximyEvent[] | undefined {
    const { response, endedAt } = exchange;
    const stream = this.streams.get(exchange);
    const last = stream?.end().map(messageAt(endedAt));
    if (isCutPost(exchange)) return undefined;
    const requests = requestsOf(exchange);
    const pending = stream ? stream.takeRequests(exchange) : requests;
    const answers = last ?? answersOf(exchange);
    const isMcp = requests.length + answers.length > 0 || stream?.hasMessages || isOfTransport(exchange);
    const state = stream?.state ?? (isMcp ? this.stateOf(info, exchange) : undefined);
    if (state && stream?.isListening) state.listening -= 1;
    if (!isMcp || state === undefined) return undefined;
    return this.collect(info, exchange, state, () => {
      this.fromClient(state, pending);
      this.fromServer(state, answers);
      this.end(state, exchange, requests, stream ? stream.isTorn : response?.body.truncated === true);
      if (stream?.isListening && state.listening === 0) this.endAccepted(state, exchange);
    });
  }

  /** Undefined for a stream that cannot be reported. */
  private begin(info: Connection, exchange: Exchange, stream: McpStream): McpSessionState | undefined {
    if (stream.hasBegun) return stream.state;
    stream.hasBegun = true;
    if (isCutPost(exchange)) return undefined;
    const state = this.stateOf(info, exchange);
    stream.state = state;
    stream.isListening = exchange.request.method === "GET";
    if (stream.isListening) state.listening += 1;
    return state;
  }

  private collect(
    info: Connection,
    exchange: Exchange,
    state: McpSessionState,
    read: () => void,
  ): OximyEvent[] {
    state.current = { info, passage: passageOf(info, exchange) };
    state.events = [];
    read();
    return state.events;
  }

  private fromClient({ session, early }: McpSessionState, messages: readonly McpMessage[]): void {
    for (const { message, facts } of messages) {
      if (!session.take("client", message, facts) && message.kind === "answer") {
        early.set(message.id, { message, facts });
      }
    }
  }

  private fromServer(state: McpSessionState, messages: readonly McpMessage[]): void {
    const { session, early, accepted, current } = state;
    for (const { message, facts } of messages) {
      if (message.kind === "answer") {
        state.current = accepted.get(message.id) ?? current;
        accepted.delete(message.id);
      }
      session.take("server", message, facts);
      state.current = current;
      if (message.kind !== "request") continue;
      const answer = early.get(message.id);
      early.delete(message.id);
      if (answer) session.take("client", answer.message, { ...answer.facts, time: facts.time });
    }
  }

  /** Settles the requests of a finished exchange that have no answer. */
  private end(
    state: McpSessionState,
    exchange: Exchange,
    requests: readonly McpMessage[],
    isCut: boolean,
  ): void {
    const { session, accepted, current } = state;
    const { endedAt, response, error } = exchange;
    const isAnswered = error === undefined && response !== undefined;
    for (const { message } of requests) {
      if (message.kind !== "request") continue;
      const { id } = message;
      if (isCut) {
        const answer = { kind: "cut", as: "result" } as const;
        session.take("server", { kind: "answer", id, answer }, { time: endedAt, isCut: true });
      }
      const isAccepted = isAnswered && response.status === 202 && state.listening > 0;
      if (isAccepted && accepted.size < MAX_ACCEPTED) accepted.set(id, current);
      // Any request still open was answered by a status, or elsewhere, or not at all.
      else session.abandon("client", id, isAnswered ? undefined : unansweredOf(exchange), endedAt);
    }
  }

  private endAccepted({ session, accepted }: McpSessionState, exchange: Exchange): void {
    for (const id of accepted.keys()) session.abandon("client", id, unansweredOf(exchange), exchange.endedAt);
    accepted.clear();
  }

  private stateOf(info: Connection, exchange: Exchange): McpSessionState {
    const { request, response } = exchange;
    const id = field(response?.fields ?? [], SESSION) ?? field(request.fields, SESSION);
    const { owner, host, port } = info;
    // Session ids are optional: without one, a process has one session per host.
    const holder = owner.kind === "process" ? `process ${owner.process.pid}` : `connection ${info.id}`;
    const key = `${host}:${port}/${id === undefined ? holder : `session ${id}`}`;
    const known = this.sessions.get(key);
    if (known) return known;
    const state: McpSessionState = {
      session: new McpSession((call) => state.events.push(this.eventOf(call, state.current))),
      current: { info, passage: passageOf(info, exchange) },
      early: new LruCache(MAX_EARLY),
      listening: 0,
      accepted: new Map(),
      events: [],
    };
    this.sessions.set(key, state);
    return state;
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

/** "Sessions", "Listening for Messages from the Server": the end of a session, and streams without messages. */
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

/** The id of a truncated request may be in the missing part. */
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
