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
import type { Exchange, Fields } from "../exchange/exchange.js";
import { decodeBody } from "../interaction/decode.js";
import type { DecodedBody } from "../interaction/interaction.js";
import { present } from "../interaction/json.js";
import { type McpCall, McpSession, type MessageFacts } from "../interaction/mcp/mcp-session.js";
import { messagesOf, type RpcId, type RpcMessage } from "../interaction/mcp/rpc-message.js";
import { LruCache } from "../lru-cache.js";
import { McpHosts } from "../oisp/mcp-hosts.js";
import { eventConnection } from "./exchange-reading.js";

/** A session is what two parties know of each other; those used last are kept. */
const MAX_SESSIONS = 1_000;
/** Answers of a client to what was asked in a stream that has not ended. */
const MAX_EARLY = 200;

type Answer = Extract<RpcMessage, { kind: "answer" }>;

interface TurnBuffer {
  readonly session: McpSession;
  /** The exchange whose calls are told. */
  current: { readonly info: Connection; readonly exchange: Exchange };
  /** A stream is read when it ends, which is after what it asks for was answered. */
  readonly early: LruCache<RpcId, { readonly message: Answer; readonly facts: MessageFacts }>;
  events: OximyEvent[];
}

export class McpTraffic {
  private readonly hosts: McpHosts;
  private readonly dialogues = new LruCache<string, TurnBuffer>(MAX_SESSIONS);

  constructor(
    hosts: readonly string[],
    private readonly repoOf?: (owner: Owner) => ClientRepo | undefined,
  ) {
    this.hosts = new McpHosts(hosts);
  }

  isNamed({ host, port }: Connection): boolean {
    return this.hosts.has(host, port);
  }

  /** Undefined when the exchange is none of MCP. */
  eventsOf(info: Connection, exchange: Exchange): OximyEvent[] | undefined {
    const { request, response } = exchange;
    if (request.body.truncated && request.method === "POST") return undefined; // its id may stand at its end
    const asked = messagesIn(decodeBody(request.body, request.fields));
    const answered = response ? messagesIn(decodeBody(response.body, response.fields)) : [];
    if (asked.length === 0 && answered.length === 0 && !isOfTransport(exchange)) return undefined;
    const turns = this.dialogueOf(info, exchange);
    turns.current = { info, exchange };
    turns.events = [];
    this.take(turns, exchange, asked, answered);
    return turns.events;
  }

  private take(
    { session, early }: TurnBuffer,
    exchange: Exchange,
    asked: readonly RpcMessage[],
    answered: readonly RpcMessage[],
  ): void {
    const { startedAt, endedAt, request, response } = exchange;
    const sent = factsOf(startedAt, asked, request.body.length);
    for (const message of asked) {
      if (!session.take("client", message, sent) && message.kind === "answer") {
        early.set(message.id, { message, facts: sent });
      }
    }
    const told = {
      ...factsOf(endedAt, answered, response?.body.length),
      ...(response?.body.truncated && { isCut: true }),
    };
    for (const message of answered) {
      session.take("server", message, told);
      if (message.kind !== "request") continue;
      const answer = early.get(message.id);
      early.delete(message.id);
      if (answer) session.take("client", answer.message, { ...answer.facts, time: endedAt });
    }
    for (const message of asked) {
      if (message.kind !== "request") continue;
      if (response?.body.truncated) {
        const answer = { kind: "cut", as: "result" } as const;
        session.take("server", { kind: "answer", id: message.id, answer }, told);
      }
      // What is open still was answered by a status, or elsewhere, or not at all.
      const isAnswered = exchange.error === undefined && response !== undefined;
      session.abandon("client", message.id, isAnswered ? undefined : unansweredOf(exchange), endedAt);
    }
  }

  private dialogueOf(info: Connection, { request, response }: Exchange): TurnBuffer {
    const id = field(response?.fields ?? [], SESSION) ?? field(request.fields, SESSION);
    const { owner, host, port } = info;
    // Servers need not give ids: then one process has one session with a host.
    const whose = owner.kind === "process" ? `process ${owner.process.pid}` : `connection ${info.id}`;
    const key = `${host}:${port}/${id === undefined ? whose : `session ${id}`}`;
    const known = this.dialogues.get(key);
    if (known) return known;
    const turns: TurnBuffer = {
      session: new McpSession((call) => turns.events.push(this.eventOf(call, turns.current))),
      current: { info, exchange: { request, response } as Exchange },
      early: new LruCache(MAX_EARLY),
      events: [],
    };
    this.dialogues.set(key, turns);
    return turns;
  }

  private eventOf(call: McpCall, { info, exchange }: TurnBuffer["current"]): OximyEvent {
    const repo = this.repoOf?.(info.owner);
    return buildMcpEvent({
      call,
      transport: "http",
      label: info.host,
      owner: info.owner,
      port: info.peer.port,
      ...(info.app && { app: info.app }),
      ...(repo && { repo }),
      passage: passageOf(info, exchange),
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

function messagesIn(body: DecodedBody): RpcMessage[] {
  switch (body.kind) {
    case "json":
      return messagesOf(body.value);
    case "stream":
      return body.chunks.flatMap(({ data }) => messagesOf(data));
    default:
      return [];
  }
}

/** The length of a body is that of its message when there is but one. */
function factsOf(time: number, messages: readonly RpcMessage[], length: number | undefined): MessageFacts {
  return messages.length === 1 && length !== undefined ? { time, length } : { time };
}

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
