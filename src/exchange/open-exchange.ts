import type { Direction } from "../connection/direction.js";
import { BodyCollector, MemoryBudget } from "./body.js";
import { EnvelopeReader, envelopeFormat } from "./envelope.js";
import type {
  EventStreamListener,
  Exchange,
  ExchangeError,
  Fields,
  ReaderHandlers,
  ReaderLimits,
  WebSocketMessage,
} from "./exchange.js";
import { fieldValue } from "./fields.js";
import { type CloseCause, ProtocolError } from "./guard.js";

/** State shared by all exchanges of one connection. */
export interface ConnectionContext {
  readonly limits: ReaderLimits;
  readonly handlers: ReaderHandlers;
  readonly bodies: MemoryBudget;
  readonly fields: MemoryBudget;
}

/** How many whole bodies, and how many header sections, one connection may hold over all open exchanges. */
const BODIES_PER_CONNECTION = 8;
const SECTIONS_PER_CONNECTION = 64;
const FIELD_OVERHEAD = 32;

export function createContext(limits: ReaderLimits, handlers: ReaderHandlers): ConnectionContext {
  return {
    limits,
    handlers,
    bodies: new MemoryBudget(BODIES_PER_CONNECTION * (limits.maxBody + limits.maxTail)),
    fields: new MemoryBudget(SECTIONS_PER_CONNECTION * limits.maxHeader),
  };
}

export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly authority?: string;
  readonly fields: Fields;
}

export interface ResponseHead {
  readonly status: number;
  readonly fields: Fields;
}

/** An exchange that is still being read. */
export class OpenExchange {
  protocol: Exchange["protocol"];
  streamId: number | undefined;
  private readonly context: ConnectionContext;
  private readonly requestBody: BodyCollector;
  private readonly responseBody: BodyCollector;
  private requestEnvelopes: EnvelopeReader | undefined;
  private responseEnvelopes: EnvelopeReader | undefined;
  private events: EventStreamListener | undefined;
  private requestTrailers: Fields = [];
  private responseTrailers: Fields = [];
  private openResponse: ResponseHead | undefined;
  private requestEndedAt: number | undefined;
  private responseStartedAt: number | undefined;
  private responseEndedAt: number | undefined;
  private chargedFields = 0;

  constructor(
    context: ConnectionContext,
    protocol: Exchange["protocol"],
    readonly request: RequestHead,
    readonly startedAt: number,
    streamId?: number,
  ) {
    this.protocol = protocol;
    this.streamId = streamId;
    this.context = context;
    this.requestBody = new BodyCollector(context.limits, context.bodies);
    this.responseBody = new BodyCollector(context.limits, context.bodies);
    this.requestEnvelopes = this.readsEnvelopes("request", request.fields);
    this.chargeFields(request.fields);
  }

  get response(): ResponseHead | undefined {
    return this.openResponse;
  }

  get requestHasEnded(): boolean {
    return this.requestEndedAt !== undefined;
  }

  get isComplete(): boolean {
    return this.requestEndedAt !== undefined && this.responseEndedAt !== undefined;
  }

  answer(response: ResponseHead, startedAt: number): void {
    this.chargeFields(response.fields);
    this.openResponse = response;
    this.responseStartedAt = startedAt;
    this.responseEnvelopes = this.readsEnvelopes("response", response.fields);
    const { handlers } = this.context;
    if (handlers.onEventStream && isEventStream(response.fields)) {
      this.events = handlers.onEventStream(response.fields, (time) => this.snapshot(time));
    }
  }

  append(direction: Direction, bytes: Buffer, start: number, end: number, time: number): void {
    const isRequest = direction === "request";
    (isRequest ? this.requestBody : this.responseBody).append(bytes, start, end);
    (isRequest ? this.requestEnvelopes : this.responseEnvelopes)?.push(bytes, start, end, time);
    if (!isRequest) this.events?.push(bytes.subarray(start, end), time);
  }

  /** The response only switched to HTTP/2, where the exchange continues as this stream (RFC 7540 §3.2). */
  continueAsStream(streamId: number): void {
    this.protocol = "h2";
    this.streamId = streamId;
    this.openResponse = undefined;
    this.responseStartedAt = undefined;
  }

  endRequest(trailers: Fields, time: number): void {
    this.chargeFields(trailers);
    this.requestTrailers = trailers;
    this.requestEndedAt = time;
  }

  endResponse(trailers: Fields, time: number): void {
    this.chargeFields(trailers);
    this.responseTrailers = trailers;
    this.responseEndedAt = time;
  }

  /** The exchange so far; it ends at `now` unless its response has already ended. */
  snapshot(now: number, error?: ExchangeError): Exchange {
    const { method, path, authority, fields } = this.request;
    const response = this.openResponse;
    return {
      protocol: this.protocol,
      streamId: this.streamId,
      startedAt: this.startedAt,
      requestEndedAt: this.requestEndedAt,
      responseStartedAt: this.responseStartedAt,
      endedAt: this.responseEndedAt ?? now,
      request: {
        method,
        path,
        authority,
        fields,
        trailers: this.requestTrailers,
        body: this.requestBody.snapshot(),
      },
      response: response && {
        status: response.status,
        fields: response.fields,
        trailers: this.responseTrailers,
        body: this.responseBody.snapshot(),
      },
      error,
    };
  }

  /** The final state of this exchange. An error only applies when the response was incomplete. */
  finish(now: number, error?: ExchangeError): Exchange {
    const whole = this.responseEndedAt !== undefined || this.hasAnnouncedLength();
    const exchange = this.snapshot(now, whole ? undefined : error);
    this.requestBody.release();
    this.responseBody.release();
    this.requestEnvelopes?.release();
    this.responseEnvelopes?.release();
    this.context.fields.release(this.chargedFields);
    this.chargedFields = 0;
    this.events?.end(exchange);
    return exchange;
  }

  /** HTTP/2 clients may disconnect once all announced bytes have arrived, before the frame with END_STREAM. */
  private hasAnnouncedLength(): boolean {
    const announced = this.openResponse && fieldValue(this.openResponse.fields, "content-length");
    return announced !== undefined && announced === String(this.responseBody.length);
  }

  private readsEnvelopes(direction: Direction, fields: Fields): EnvelopeReader | undefined {
    const { handlers, limits, bodies } = this.context;
    const format = handlers.onMessage === undefined ? undefined : envelopeFormat(fields);
    if (format === undefined) return undefined;
    const emit = (message: WebSocketMessage): void =>
      handlers.onMessage?.(this.snapshot(message.time), message);
    return new EnvelopeReader(direction, format, limits, bodies, emit);
  }

  private chargeFields(fields: Fields): void {
    let size = 0;
    for (const [name, value] of fields) size += name.length + value.length + FIELD_OVERHEAD;
    if (!this.context.fields.takeAll(size)) throw new ProtocolError("too_much_open");
    this.chargedFields += size;
  }
}

function isEventStream(fields: Fields): boolean {
  return /^text\/event-stream\s*(?:;|$)/i.test(fieldValue(fields, "content-type") ?? "");
}

/** Why an exchange is incomplete when its connection closed; `firstEnd` is the side that ended first. */
export function errorOfClose(cause: CloseCause, firstEnd: Direction | undefined): ExchangeError {
  if (cause !== "ended") return cause;
  return firstEnd === "request" ? "client_aborted" : "server_closed";
}
