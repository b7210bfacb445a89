/** From taps to events: one reader per connection; each exchange is classified, read and written. */

import { Repositories } from "../attribution/repositories.js";
import type { Connection, UnreadConnection } from "../connection/connection.js";
import type { Direction } from "../connection/direction.js";
import type { Reason } from "../connection/reasons.js";
import { buildConnectionEvent } from "../event/build.js";
import { Conversations } from "../event/conversation/conversations.js";
import type { EventSource, OximyEvent } from "../event/event.js";
import { createConnectionReader } from "../exchange/connection.js";
import type {
  ConnectionReader,
  Exchange,
  Fields,
  ReaderLimits,
  WebSocketMessage,
} from "../exchange/exchange.js";
import { LruCache } from "../lru-cache.js";
import type { Bundle } from "../oisp/bundle.js";
import { createHostIndex, type HostIndex } from "../oisp/host-index.js";
import {
  eventConnection,
  eventOfExchange,
  eventsOfTurns,
  mcpSource,
  type ReadingOptions,
} from "./exchange-reading.js";
import { McpTraffic } from "./mcp-traffic.js";
import type { CaptureCounters, CLOSE_CAUSES } from "./protocol.js";
import { TurnBuffer } from "./turn-buffer.js";

/** How often an event is emitted for a stream that stays open. */
const STREAM_INTERVAL_MS = 30_000;

export interface PipelineOptions extends Omit<ReadingOptions, "conversations" | "repoOf" | "isMcpHost"> {
  readonly bundle: Bundle;
  readonly limits: ReaderLimits;
  /** MCP server hosts that the user named. */
  readonly mcpHosts?: readonly string[];
  readonly onEvent: (event: OximyEvent) => void;
}

type CloseCause = (typeof CLOSE_CAUSES)[number];

export class Pipeline {
  readonly counters: Omit<CaptureCounters, "lostEvents"> = { events: 0, dropped: 0, lostTaps: 0, gaveUp: {} };
  private readonly readers = new Map<number, ConnectionReader>();
  private readonly turnBuffers = new Map<string, TurnBuffer>();
  private readonly emittedAt = new LruCache<string, number>(1_000);
  private readonly repositories = new Repositories();
  private readonly reading: ReadingOptions;
  private readonly mcp: McpTraffic;
  private index: HostIndex;

  constructor(private readonly options: PipelineOptions) {
    this.mcp = new McpTraffic(
      options.mcpHosts ?? [],
      (owner) => this.repositories.of(owner),
      options.limits.maxBody,
    );
    this.reading = {
      ...options,
      conversations: new Conversations(),
      repoOf: (owner) => this.repositories.of(owner),
      isMcpHost: (info) => this.mcp.isNamed(info),
    };
    this.index = createHostIndex(options.bundle);
  }

  /** Exchanges that end from now on are read with this bundle. */
  useBundle(bundle: Bundle): void {
    this.index = createHostIndex(bundle);
  }

  open(info: Connection): void {
    const { protocol } = info;
    const readable = protocol === undefined || protocol === "http/1.1" || protocol === "h2";
    if (!readable) {
      this.giveUp(info, "unknown_protocol", protocol);
      return;
    }
    const reader = createConnectionReader(
      { scheme: info.scheme, limits: this.options.limits, ...(protocol === undefined ? {} : { protocol }) },
      {
        onExchange: (exchange) => this.onExchange(info, exchange),
        onMessage: (exchange, message) => this.onMessage(info, exchange, message),
        onGiveUp: (reason, seen) => this.giveUp(info, reason, seen),
        ...(this.mcp.isNamed(info) && {
          onEventStream: (fields: Fields, soFar: (time: number) => Exchange) =>
            this.mcp.listen(info, fields, soFar, (event) => this.emit(event)),
        }),
      },
    );
    this.readers.set(info.id, reader);
    // Starts the lookup while the first exchange is under way.
    this.repositories.of(info.owner);
  }

  push(id: number, direction: Direction, bytes: Uint8Array, time: number): void {
    this.readers.get(id)?.push(direction, bytes, time);
  }

  end(id: number, direction: Direction, time: number): void {
    this.readers.get(id)?.end(direction, time);
  }

  close(id: number, cause: CloseCause, time: number): void {
    const reader = this.readers.get(id);
    this.readers.delete(id);
    reader?.close(cause, time);
  }

  /** Emits the event of a connection that was not read. */
  unread({ connection: info, reason, endedAt, bytesUp = 0, bytesDown = 0, error }: UnreadConnection): void {
    const source = this.sourceOf(info);
    if (!source) return;
    this.emit(
      buildConnectionEvent({
        connection: eventConnection(info),
        owner: info.owner,
        ...(info.app === undefined ? {} : { app: info.app }),
        source,
        reason,
        startedAt: info.acceptedAt,
        endedAt,
        bytesUp,
        bytesDown,
        ...(error === undefined ? {} : { error }),
        ...(info.protocol === undefined ? {} : { protocol: info.protocol }),
      }),
    );
  }

  private giveUp(info: Connection, reason: Reason, protocol: string): void {
    this.counters.gaveUp[reason] = (this.counters.gaveUp[reason] ?? 0) + 1;
    this.unread({
      connection: { ...info, protocol },
      reason,
      endedAt: performance.timeOrigin + performance.now(),
    });
  }

  private onExchange(info: Connection, exchange: Exchange): void {
    this.emitTurns(info, exchange);
    this.turnBuffers.delete(turnKey(info, exchange));
    const calls = this.mcp.isNamed(info) ? this.mcp.eventsOf(info, exchange) : undefined;
    if (calls !== undefined) {
      for (const call of calls) this.emit(call);
      return;
    }
    const event = eventOfExchange(info, exchange, this.index, this.reading);
    if (event) this.emit(event);
    else this.counters.dropped++;
  }

  /** A message of a WebSocket, or of a stream of enveloped messages, that is still open. */
  private onMessage(info: Connection, exchange: Exchange, message: WebSocketMessage): void {
    if (exchange.protocol !== "websocket") {
      this.emitOpenStream(info, exchange, message.time);
      return;
    }
    const key = turnKey(info, exchange);
    const turns = this.turnBuffers.get(key) ?? new TurnBuffer(this.options.limits.maxBody);
    this.turnBuffers.set(key, turns);
    if (turns.add(message)) this.emitTurns(info, exchange);
  }

  private emitTurns(info: Connection, exchange: Exchange): void {
    const messages = this.turnBuffers.get(turnKey(info, exchange))?.take() ?? [];
    if (messages.length === 0) return;
    for (const event of eventsOfTurns(info, exchange, messages, this.index, this.reading)) this.emit(event);
  }

  /** A stream that stays open for long emits an event periodically, so that it does not go unseen until its end. */
  private emitOpenStream(info: Connection, exchange: Exchange, time: number): void {
    const key = turnKey(info, exchange);
    const last = this.emittedAt.get(key) ?? exchange.startedAt;
    if (time - last < STREAM_INTERVAL_MS) return;
    this.emittedAt.set(key, time);
    // It gets its place in a conversation when it has ended.
    const event = eventOfExchange(info, exchange, this.index, this.options);
    if (event) this.emit({ ...event, metadata: { ...event.metadata, reason: "stream_open" } });
  }

  /** Source by the bundle, for a host without a readable request. */
  private sourceOf(info: Connection): EventSource | undefined {
    const [match] = this.index.lookup(info.host, info.port) ?? [];
    switch (match?.kind) {
      case "api":
        return { type: "api", id: match.provider.id, endpoint: null };
      case "website":
        return { type: "website", id: match.websites[0]!.id, endpoint: null };
      case "app":
        return { type: "app", id: match.apps[0]!.id, endpoint: null };
      case undefined:
        return this.mcp.isNamed(info) ? mcpSource(info.host) : undefined;
    }
  }

  private emit(event: OximyEvent): void {
    this.counters.events++;
    this.options.onEvent(event);
  }
}

/** One connection may carry many WebSockets and streams (RFC 8441). */
const turnKey = (info: Connection, { streamId }: Exchange) => `${info.id}/${streamId ?? ""}`;
