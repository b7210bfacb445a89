import { BodyCollector, type MemoryBudget } from "./body.js";
import type { Exchange, ExchangeError, Fields, ReaderLimits } from "./exchange.js";
import type { CloseCause } from "./guard.js";

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
  readonly requestBody: BodyCollector;
  readonly responseBody: BodyCollector;
  requestTrailers: Fields = [];
  responseTrailers: Fields = [];
  response: ResponseHead | undefined;
  requestEndedAt: number | undefined;
  responseStartedAt: number | undefined;
  responseEndedAt: number | undefined;

  constructor(
    readonly protocol: Exchange["protocol"],
    readonly request: RequestHead,
    readonly startedAt: number,
    limits: ReaderLimits,
    budget: MemoryBudget,
    readonly streamId?: number,
  ) {
    this.requestBody = new BodyCollector(limits, budget);
    this.responseBody = new BodyCollector(limits, budget);
  }

  get isComplete(): boolean {
    return this.requestEndedAt !== undefined && this.responseEndedAt !== undefined;
  }

  /** The exchange as far as it was seen; it ends at `now` unless its response has ended before. */
  snapshot(now: number, error?: ExchangeError): Exchange {
    return {
      protocol: this.protocol,
      streamId: this.streamId,
      startedAt: this.startedAt,
      requestEndedAt: this.requestEndedAt,
      responseStartedAt: this.responseStartedAt,
      endedAt: this.responseEndedAt ?? now,
      request: { ...this.request, trailers: this.requestTrailers, body: this.requestBody.snapshot() },
      response: this.response && {
        ...this.response,
        trailers: this.responseTrailers,
        body: this.responseBody.snapshot(),
      },
      error,
    };
  }

  /** The last word on this exchange. An error counts only when the response had not ended. */
  finish(now: number, error?: ExchangeError): Exchange {
    const exchange = this.snapshot(now, this.responseEndedAt === undefined ? error : undefined);
    this.requestBody.release();
    this.responseBody.release();
    return exchange;
  }
}

/** Why an exchange is not whole when its connection closed; `firstEnd` is the side that ended first. */
export function errorOfClose(cause: CloseCause, firstEnd: "request" | "response" | undefined): ExchangeError {
  if (cause !== "ended") return cause;
  return firstEnd === "request" ? "client_aborted" : "server_closed";
}
