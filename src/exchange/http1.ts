import type { Direction, Scheme } from "../connection/direction.js";
import { ByteBuffer } from "./byte-buffer.js";
import type { ConnectionReader, Fields, ReaderHandlers, ReaderLimits } from "./exchange.js";
import { fieldTokens, fieldValue } from "./fields.js";
import { type CloseCause, guardReader, ProtocolError, type ReaderCore } from "./guard.js";
import { type Framing, NO_BODY, requestFraming, responseFraming } from "./http1-framing.js";
import { Http1MessageReader } from "./http1-message.js";
import { parseRequestLine, parseStatusLine } from "./http1-start-line.js";
import { type ConnectionContext, createContext, errorOfClose, OpenExchange } from "./open-exchange.js";
import { protocolSwitch } from "./protocol-switch.js";

/** No client pipelines more requests than this. */
const MAX_PIPELINED = 1000;
/** Clients wait for the response to a switch request, so hardly anything is ever held. */
const MAX_HELD = 64 << 10;

export interface Http1Options {
  readonly scheme: Scheme;
  readonly limits: ReaderLimits;
}

/**
 * Returns the core that takes over after `101 Switching Protocols` (RFC 9110 §7.8) and reports the exchange. Without
 * one, the exchange is reported as it is, and what follows is not read.
 */
export type SwitchProtocol = (protocol: string, exchange: OpenExchange) => ReaderCore | undefined;

/** Reads an HTTP/1.0 or 1.1 connection: each request paired with its response, pipelined or not. */
export function createHttp1Reader(options: Http1Options, handlers: ReaderHandlers): ConnectionReader {
  const context = createContext(options.limits, handlers);
  const switchProtocol = protocolSwitch(options.scheme, context);
  return guardReader(new Http1Core(context, switchProtocol), handlers);
}

/** `none`: plain HTTP/1. `requested`: by the last request. `done`: the connection is a tunnel now. */
type Switch = "none" | "requested" | "done";

export class Http1Core implements ReaderCore {
  private readonly switchProtocol: SwitchProtocol;
  private readonly context: ConnectionContext;
  private readonly requests: Http1MessageReader;
  private readonly responses: Http1MessageReader;
  /** Incomplete exchanges, in the order of their requests. */
  private readonly open: OpenExchange[] = [];
  private readonly held = new ByteBuffer();
  private requestStart = 0;
  private responseStart = 0;
  /** The exchange whose response is being read; absent during an interim response. */
  private answered: OpenExchange | undefined;
  private switch: Switch = "none";
  private next: ReaderCore | undefined;
  private refused = false;
  private firstEnd: Direction | undefined;

  constructor(context: ConnectionContext, switchProtocol: SwitchProtocol) {
    this.context = context;
    this.switchProtocol = switchProtocol;
    const { maxHeader } = context.limits;
    this.requests = new Http1MessageReader(
      {
        onStart: (time) => {
          this.requestStart = time;
        },
        onHead: (line, fields) => this.onRequestHead(line, fields),
        onBody: (bytes, start, end, time) => this.open.at(-1)!.append("request", bytes, start, end, time),
        onEnd: (trailers, time) => this.onRequestEnd(trailers, time),
      },
      maxHeader,
    );
    this.responses = new Http1MessageReader(
      {
        onStart: (time) => {
          this.responseStart = time;
        },
        onHead: (line, fields) => this.onResponseHead(line, fields),
        onBody: (bytes, start, end, time) => this.answered?.append("response", bytes, start, end, time),
        onEnd: (trailers, time) => this.onResponseEnd(trailers, time),
      },
      maxHeader,
    );
  }

  get protocol(): string {
    return this.next?.protocol ?? "http/1.1";
  }

  push(direction: Direction, bytes: Buffer, time: number): void {
    if (this.next !== undefined) this.next.push(direction, bytes, time);
    else if (this.switch === "done") return;
    else if (direction === "request") this.pushRequest(bytes, time);
    else this.pushResponse(bytes, time);
  }

  end(direction: Direction, time: number): void {
    this.firstEnd ??= direction;
    if (this.next !== undefined) this.next.end(direction, time);
    else if (direction === "response") this.responses.end(time);
  }

  close(cause: CloseCause, time: number): void {
    if (this.next !== undefined) {
      this.next.close(cause, time);
      return;
    }
    if (cause === "ended") this.responses.end(time);
    const error = errorOfClose(cause, this.firstEnd);
    for (const exchange of this.open.splice(0))
      this.context.handlers.onExchange(exchange.finish(time, error));
  }

  private pushRequest(bytes: Buffer, time: number): void {
    const read = this.requests.push(bytes, time);
    if (read === bytes.length) return;
    if (this.held.length + bytes.length - read > MAX_HELD)
      throw new ProtocolError("http1_bytes_before_switch");
    this.held.append(bytes, read, bytes.length);
  }

  private pushResponse(bytes: Buffer, time: number): void {
    if (this.refused) return;
    const read = this.responses.push(bytes, time);
    if (this.next !== undefined) {
      const held = this.held.view();
      this.held.clear();
      if (held.length > 0) this.next.push("request", held, time);
      if (read < bytes.length) this.next.push("response", bytes.subarray(read), time);
    }
  }

  /** The switch was declined: what the client sent meanwhile is HTTP/1. */
  private resumeRequests(): void {
    const held = this.held.view();
    this.held.clear();
    this.switch = "none";
    this.requests.resume();
    if (held.length > 0) this.pushRequest(held, this.responseStart);
  }

  private onRequestHead(line: string, fields: Fields): Framing {
    if (this.open.length >= MAX_PIPELINED) throw new ProtocolError("http1_too_many_pipelined");
    const { head, version } = parseRequestLine(line, fields);
    const framing = requestFraming(fields, version);
    this.open.push(new OpenExchange(this.context, `http/${version}`, head, this.requestStart));
    return framing;
  }

  private onRequestEnd(trailers: Fields, time: number): void {
    const exchange = this.open.at(-1)!;
    exchange.endRequest(trailers, time);
    if (exchange.response === undefined && requestsSwitch(exchange)) {
      this.switch = "requested";
      this.requests.halt();
    }
    this.reportComplete(time);
  }

  private onResponseHead(line: string, fields: Fields): Framing {
    const { status, version } = parseStatusLine(line);
    // The first exchange may already have its response while its request is still being sent.
    const exchange = this.open[0]?.response === undefined ? this.open[0] : this.open[1];
    if (exchange === undefined) return this.onUnsolicited(status);
    if (status < 200 && status !== 101) return NO_BODY;
    this.answered = exchange;
    exchange.answer({ status, fields }, this.responseStart);
    const { method } = exchange.request;
    const requestedSwitch = this.switch === "requested" && exchange === this.open.at(-1);
    if (status === 101 || (method === "CONNECT" && status < 300)) {
      // Unrequested, or in the middle of a request: it is unknown where the other protocol begins.
      if (!requestedSwitch) throw new ProtocolError("http1_unexpected_switch");
      this.switch = "done";
      this.responses.halt();
      return NO_BODY;
    }
    if (requestedSwitch) this.resumeRequests();
    return responseFraming(fields, version, status, method);
  }

  /** A server may reject a connection before it has read a request, as with 408 (RFC 9110 §15.5.9). */
  private onUnsolicited(status: number): Framing {
    if (status < 400) throw new ProtocolError("http1_unsolicited_response");
    this.refused = true;
    this.responses.halt();
    return NO_BODY;
  }

  private onResponseEnd(trailers: Fields, time: number): void {
    const exchange = this.answered;
    if (exchange === undefined) return;
    this.answered = undefined;
    if (this.switch === "done") {
      this.next = this.switchProtocol(switchedProtocol(exchange), exchange);
      if (this.next !== undefined) {
        this.open.splice(this.open.indexOf(exchange), 1);
        return;
      }
    }
    exchange.endResponse(trailers, time);
    this.reportComplete(time);
  }

  private reportComplete(time: number): void {
    while (this.open[0]?.isComplete) this.context.handlers.onExchange(this.open.shift()!.finish(time));
  }
}

function requestsSwitch({ request }: OpenExchange): boolean {
  return request.method === "CONNECT" || fieldValue(request.fields, "upgrade") !== undefined;
}

/** The protocol the response switches to; empty for a CONNECT tunnel. */
function switchedProtocol({ response }: OpenExchange): string {
  return (response?.status === 101 && fieldTokens(response.fields, "upgrade")[0]) || "";
}
