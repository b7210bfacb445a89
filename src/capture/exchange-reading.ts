/** Classifies and reads one exchange, and builds its event. */

import type { Owner } from "../connection/client.js";
import type { Connection } from "../connection/connection.js";
import { buildEvent, type ConnectionInfo as EventConnection } from "../event/build.js";
import { callOf } from "../event/conversation/call.js";
import type { Conversations } from "../event/conversation/conversations.js";
import type { ClientRepo, OximyEvent } from "../event/event.js";
import type { Exchange, WebSocketMessage } from "../exchange/exchange.js";
import { decodeBody, rawOf } from "../interaction/decode.js";
import type { DecodedBody, DecodedExchange } from "../interaction/interaction.js";
import { readInteraction } from "../interaction/read.js";
import { structureOf } from "../interaction/structure.js";
import { type Turn, turnsOf } from "../interaction/turns.js";
import type { Classification } from "../oisp/bundle.js";
import { classify } from "../oisp/classify.js";
import type { HostIndex } from "../oisp/host-index.js";

export interface ReadingOptions {
  readonly includeRaw: boolean;
  /** Exchanges with unknown hosts are reported too: the user asked for everything that an app sends. */
  readonly allHosts: boolean;
  /** Whether the user named the host of a connection as an MCP server's. */
  readonly isMcpHost?: (info: Connection) => boolean;
  /** Absent: events are not grouped into conversations. */
  readonly conversations?: Conversations;
  /** The repository that a client works in, if known by now. */
  readonly repoOf?: (owner: Owner) => ClientRepo | undefined;
}

/** The event of a finished exchange; undefined when it is dropped. */
export function eventOfExchange(
  info: Connection,
  exchange: Exchange,
  index: HostIndex,
  options: ReadingOptions,
): OximyEvent | undefined {
  const classification = classificationOf(info, exchange, index, options);
  if (classification.level === "drop") return undefined;
  // A WebSocket's turns were reported while it was open; only its end remains.
  const readable = classification.level === "full_trace" && exchange.protocol !== "websocket";
  return event(
    info,
    exchange,
    classification,
    index,
    options,
    readable ? decode(info.host, exchange) : undefined,
  );
}

/** The events of the turns in `messages`, the latest of a WebSocket that is open or has just ended. */
export function eventsOfTurns(
  info: Connection,
  exchange: Exchange,
  messages: readonly WebSocketMessage[],
  index: HostIndex,
  options: ReadingOptions,
): OximyEvent[] {
  const classification = classificationOf(info, exchange, index, options);
  if (classification.level !== "full_trace") return [];
  const turns = turnsOf({ ...exchange, messages }, opening(info.host, exchange));
  return turns.flatMap((turn) => {
    const part = exchangeOfTurn(exchange, turn, messages);
    return event(info, part, classification, index, options, turn.exchange) ?? [];
  });
}

/** The messages between a turn's times, as an exchange of their own. */
function exchangeOfTurn(exchange: Exchange, turn: Turn, messages: readonly WebSocketMessage[]): Exchange {
  const { startedAt, answeredAt, endedAt } = turn;
  return {
    ...exchange,
    startedAt,
    endedAt,
    ...(answeredAt === undefined ? {} : { responseStartedAt: answeredAt }),
    messages: messages.filter(({ time }) => time >= startedAt && time <= endedAt),
  };
}

interface Classified {
  readonly index: HostIndex;
  readonly method: string;
  readonly path: string;
  readonly classification: Classification;
}

/** The last of each connection: most connections repeat the same request line. */
const classified = new WeakMap<Connection, Classified>();

function classificationOf(
  info: Connection,
  { request: { method, path } }: Exchange,
  index: HostIndex,
  options: ReadingOptions,
): Classification {
  let last = classified.get(info);
  if (last?.index !== index || last.method !== method || last.path !== path) {
    last = { index, method, path, classification: classifyAnew(info, method, path, index) };
    classified.set(info, last);
  }
  const found = last.classification;
  if (found.level !== "drop") return found;
  if (options.isMcpHost?.(info)) {
    return { level: "identifiable", source: mcpSource(info.host), reason: "unknown_format" };
  }
  if (!options.allHosts) return found;
  return {
    level: "identifiable",
    source: { type: "app", id: info.app?.id ?? "unknown", endpoint: null },
    reason: "host_unknown",
  };
}

/** Source of a host that the user named as an MCP server's. */
export const mcpSource = (host: string) => ({ type: "mcp", id: host, endpoint: null }) as const;

function classifyAnew(info: Connection, method: string, path: string, index: HostIndex): Classification {
  return classify({ method, host: info.host, port: info.port, path, appId: info.app?.id }, index);
}

function event(
  info: Connection,
  exchange: Exchange,
  classification: Classification,
  index: HostIndex,
  options: ReadingOptions,
  decoded: DecodedExchange | undefined,
): OximyEvent | undefined {
  const interaction =
    decoded && classification.level === "full_trace"
      ? readInteraction(decoded, {
          parsers: index.bundle.parsers,
          provider: classification.provider,
          feature: classification.feature,
        })
      : undefined;
  const raw =
    options.includeRaw && decoded && interaction
      ? {
          request: rawOf(decoded.requestBody),
          response: exchange.response && rawOf(decoded.responseBody),
        }
      : undefined;
  const erred = exchange.error === undefined ? {} : { error: exchange.error };
  const structure = options.includeRaw && decoded && !interaction ? structureOf(decoded) : undefined;
  return buildEvent({
    exchange,
    connection: eventConnection(info),
    owner: info.owner,
    app: info.app,
    classification: exchange.protocol === "websocket" && !decoded ? closing(classification) : classification,
    interaction,
    raw,
    cut: decoded !== undefined && (isCut(decoded.requestBody) || isCut(decoded.responseBody)),
    structure,
    models: index.bundle.models,
    repo: options.repoOf?.(info.owner),
    placeOf: (eventId) => {
      if (decoded === undefined || interaction === undefined) return undefined;
      const { owner, id: connection } = info;
      const call =
        options.conversations && callOf({ exchange: decoded, interaction, owner, connection, ...erred });
      return call && options.conversations?.place({ ...call, eventId });
    },
  });
}

function isCut(body: DecodedBody): boolean {
  return body.kind === "undecodable" || ("truncated" in body && body.truncated);
}

/** The end of a WebSocket carries no interaction; its event has the duration and the traffic. */
function closing(classification: Classification): Classification {
  if (classification.level !== "full_trace") return classification;
  const { source, provider } = classification;
  return {
    level: "identifiable",
    source,
    reason: "websocket_closed",
    ...(provider === undefined ? {} : { provider }),
  };
}

const NO_QUERY = new URLSearchParams();

function opening(host: string, { request, response }: Exchange) {
  const at = request.path.indexOf("?");
  return {
    host,
    method: request.method,
    path: at < 0 ? request.path : request.path.slice(0, at),
    query: at < 0 ? NO_QUERY : new URLSearchParams(request.path.slice(at + 1)),
    requestFields: request.fields,
    responseFields: response?.fields ?? [],
    status: response?.status,
  };
}

function decode(host: string, exchange: Exchange): DecodedExchange {
  const { request, response } = exchange;
  return {
    ...opening(host, exchange),
    requestBody: decodeBody(request.body, request.fields),
    responseBody: response ? decodeBody(response.body, response.fields) : { kind: "empty" },
  };
}

export function eventConnection(info: Connection): EventConnection {
  const { id, host, port, peer, destination, scheme, via } = info;
  const connection = { id, host, port, peerPort: peer.port, destination, scheme };
  return via === undefined ? connection : { ...connection, via };
}
