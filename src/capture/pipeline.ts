/** From taps to events: one reader per connection, each exchange classified, read, and written. */

import { buildConnectionEvent, buildEvent, type ConnectionInfo as EventConnection } from "../event/build.js";
import type { EventSource, OximyEvent } from "../event/event.js";
import { createConnectionReader } from "../exchange/connection.js";
import type { ConnectionReader, Direction, Exchange, ReaderLimits } from "../exchange/exchange.js";
import { decodeBody, rawOf } from "../interaction/decode.js";
import type { DecodedExchange } from "../interaction/interaction.js";
import { readInteraction } from "../interaction/read.js";
import type { Bundle, Classification } from "../oisp/bundle.js";
import { classify } from "../oisp/classify.js";
import { createHostIndex, type HostIndex } from "../oisp/host-index.js";
import type { ConnectionInfo, UnreadConnection } from "../proxy/tap.js";
import type { CaptureCounters, CLOSE_CAUSES } from "./messages.js";

export interface PipelineOptions {
  readonly bundle: Bundle;
  readonly limits: ReaderLimits;
  readonly includeRaw: boolean;
  /** Exchanges with unknown hosts are told too: the user asked for all that an app sends. */
  readonly allHosts: boolean;
  readonly onEvent: (event: OximyEvent) => void;
}

type CloseCause = (typeof CLOSE_CAUSES)[number];

export class Pipeline {
  readonly counters: Omit<CaptureCounters, "lostEvents"> = { events: 0, dropped: 0, lostTaps: 0, gaveUp: {} };
  private readonly readers = new Map<number, ConnectionReader>();
  private index: HostIndex;

  constructor(private readonly options: PipelineOptions) {
    this.index = createHostIndex(options.bundle);
  }

  /** Exchanges that end from now on are read by this bundle. */
  useBundle(bundle: Bundle): void {
    this.index = createHostIndex(bundle);
  }

  open(info: ConnectionInfo): void {
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
        onGiveUp: (reason, seen) => this.giveUp(info, reason, seen),
      },
    );
    this.readers.set(info.id, reader);
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

  /** A connection of which nothing was read. */
  unread({ info, reason, endedAt, bytesUp = 0, bytesDown = 0, error }: UnreadConnection): void {
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

  private giveUp(info: ConnectionInfo, reason: string, protocol: string): void {
    this.counters.gaveUp[reason] = (this.counters.gaveUp[reason] ?? 0) + 1;
    this.unread({ info: { ...info, protocol }, reason, endedAt: performance.timeOrigin + performance.now() });
  }

  private onExchange(info: ConnectionInfo, exchange: Exchange): void {
    const { request, response } = exchange;
    const found = classify(
      {
        method: request.method,
        host: info.host,
        port: info.port,
        path: request.path,
        ...(info.app === undefined ? {} : { appId: info.app.id }),
      },
      this.index,
    );
    const classification = found.level === "drop" ? this.unknownHost(info) : found;
    if (classification.level === "drop") {
      this.counters.dropped++;
      return;
    }
    const decoded = classification.level === "full_trace" ? decode(info.host, exchange) : undefined;
    const interaction =
      classification.level === "full_trace" && decoded
        ? readInteraction(decoded, {
            parsers: this.index.bundle.parsers,
            ...(classification.provider === undefined ? {} : { provider: classification.provider }),
            ...(classification.feature === undefined ? {} : { feature: classification.feature }),
          })
        : undefined;
    const raw =
      this.options.includeRaw && decoded && interaction
        ? {
            request: rawOf(decoded.requestBody),
            ...(response === undefined ? {} : { response: rawOf(decoded.responseBody) }),
          }
        : undefined;
    const event = buildEvent({
      exchange,
      connection: eventConnection(info),
      owner: info.owner,
      ...(info.app === undefined ? {} : { app: info.app }),
      classification,
      ...(interaction === undefined ? {} : { interaction }),
      ...(raw === undefined ? {} : { raw }),
      models: this.index.bundle.models,
    });
    if (event) this.emit(event);
  }

  private unknownHost({ app }: ConnectionInfo): Classification {
    if (!this.options.allHosts) return { level: "drop" };
    return {
      level: "identifiable",
      source: { type: "app", id: app?.id ?? "unknown", endpoint: null },
      reason: "host_unknown",
    };
  }

  /** What the bundle calls a host of which no request was seen. */
  private sourceOf(info: ConnectionInfo): EventSource | undefined {
    const [match] = this.index.lookup(info.host, info.port) ?? [];
    switch (match?.kind) {
      case "api":
        return { type: "api", id: match.provider.id, endpoint: null };
      case "website":
        return { type: "website", id: match.websites[0]!.id, endpoint: null };
      case "app":
        return { type: "app", id: match.apps[0]!.id, endpoint: null };
      case undefined:
        return undefined;
    }
  }

  private emit(event: OximyEvent): void {
    this.counters.events++;
    this.options.onEvent(event);
  }
}

function decode(host: string, { request, response }: Exchange): DecodedExchange {
  const at = request.path.indexOf("?");
  return {
    host,
    method: request.method,
    path: at < 0 ? request.path : request.path.slice(0, at),
    query: new URLSearchParams(at < 0 ? "" : request.path.slice(at + 1)),
    requestFields: request.fields,
    requestBody: decodeBody(request.body, request.fields),
    responseFields: response?.fields ?? [],
    responseBody: response ? decodeBody(response.body, response.fields) : { kind: "empty" },
    ...(response === undefined ? {} : { status: response.status }),
  };
}

function eventConnection(info: ConnectionInfo): EventConnection {
  const { id, host, port, peer, destination, scheme } = info;
  return { id, host, port, peerPort: peer.port, destination, scheme };
}
