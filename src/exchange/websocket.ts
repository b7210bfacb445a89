import type { Direction } from "../connection/direction.js";
import type { Body, Exchange, ExchangeError, WebSocketMessage } from "./exchange.js";
import type { CloseCause, ReaderCore } from "./guard.js";
import { type ConnectionContext, errorOfClose, type OpenExchange } from "./open-exchange.js";
import { MessageInflater, negotiatedDeflate } from "./websocket-deflate.js";
import { type RawMessage, WebSocketFrameReader } from "./websocket-frames.js";

const EMPTY = Buffer.alloc(0);
/** Cost of a kept message in addition to its data. */
const MESSAGE_OVERHEAD = 64;

/** One direction of a WebSocket. */
interface Side {
  readonly frames: WebSocketFrameReader;
  readonly inflater: MessageInflater | undefined;
  messageBytes: number;
}

/**
 * Reads a WebSocket passively (RFC 6455, RFC 7692), over any transport. The receiver of `ws` is not used: it depends on
 * asynchronous zlib streams, while the copy must be read synchronously to keep its times.
 */
export class WebSocketCore implements ReaderCore {
  readonly protocol = "websocket";
  private readonly exchange: OpenExchange;
  private readonly context: ConnectionContext;
  private readonly sides: Readonly<Record<Direction, Side>>;
  /** The first messages up to `maxBody`, followed by the last ones up to `maxTail`. */
  private readonly messages: WebSocketMessage[] = [];
  private firstMessages = 0;
  private firstBytes = 0;
  private lastBytes = 0;
  private hasGap = false;
  private firstEnd: Direction | undefined;
  private isOver = false;

  /** `exchange` has its response: 101, or 200 to an extended CONNECT (RFC 8441 §5). */
  constructor(exchange: OpenExchange, context: ConnectionContext) {
    exchange.protocol = "websocket";
    this.exchange = exchange;
    this.context = context;
    const deflate = negotiatedDeflate(exchange.response?.fields ?? []);
    this.sides = {
      request: this.createSide("request", deflate?.requestKeepsContext),
      response: this.createSide("response", deflate?.responseKeepsContext),
    };
  }

  push(direction: Direction, bytes: Buffer, time: number): void {
    if (!this.isOver) this.sides[direction].frames.push(bytes, time);
  }

  end(direction: Direction, _time: number): void {
    this.firstEnd ??= direction;
  }

  close(cause: CloseCause | "stream_reset", time: number): void {
    const { request, response } = this.sides;
    // One Close frame is enough: ending the connection in response to it is not an error.
    if (request.frames.isClosed || response.frames.isClosed) this.finish(time);
    else this.finish(time, cause === "stream_reset" ? cause : errorOfClose(cause, this.firstEnd));
  }

  private createSide(direction: Direction, keepsContext: boolean | undefined): Side {
    const { limits, bodies } = this.context;
    const listener = {
      onMessage: (message: RawMessage, time: number) => this.onMessage(direction, message, time),
      onClose: (time: number) => this.onClose(time),
    };
    const allowsCompression = keepsContext !== undefined;
    return {
      frames: new WebSocketFrameReader(listener, allowsCompression, limits, bodies),
      inflater: allowsCompression ? new MessageInflater(keepsContext, limits.maxBody) : undefined,
      messageBytes: 0,
    };
  }

  private onMessage(direction: Direction, raw: RawMessage, time: number): void {
    const message = this.decode(direction, raw, time);
    this.sides[direction].messageBytes += message.data.length;
    this.keep(message);
    this.context.handlers.onMessage?.(this.snapshot(time), message);
  }

  private decode(direction: Direction, raw: RawMessage, time: number): WebSocketMessage {
    const { kind, data, truncated, isCompressed } = raw;
    if (!isCompressed) return { direction, time, kind, data, truncated };
    const inflater = this.sides[direction].inflater;
    if (truncated) inflater?.skip();
    const inflated = truncated ? undefined : inflater?.inflate(data);
    return { direction, time, kind, data: inflated ?? EMPTY, truncated: inflated === undefined };
  }

  private keep(message: WebSocketMessage): void {
    const { limits, bodies } = this.context;
    const cost = costOf(message);
    if (
      !this.hasGap &&
      this.firstMessages === this.messages.length &&
      this.firstBytes + cost <= limits.maxBody &&
      bodies.takeAll(cost)
    ) {
      this.firstBytes += cost;
      this.firstMessages = this.messages.push(message);
      return;
    }
    if (cost > limits.maxTail || !bodies.takeAll(cost)) {
      this.hasGap = true;
      return;
    }
    this.messages.push(message);
    this.lastBytes += cost;
    while (this.lastBytes > limits.maxTail) {
      const [dropped] = this.messages.splice(this.firstMessages, 1);
      const freed = costOf(dropped!);
      this.lastBytes -= freed;
      bodies.release(freed);
      this.hasGap = true;
    }
  }

  private onClose(time: number): void {
    if (this.sides.request.frames.isClosed && this.sides.response.frames.isClosed) this.finish(time);
  }

  private finish(time: number, error?: ExchangeError): void {
    if (this.isOver) return;
    this.isOver = true;
    const exchange = this.snapshot(time, error);
    this.sides.request.frames.release();
    this.sides.response.frames.release();
    this.context.bodies.release(this.firstBytes + this.lastBytes);
    this.exchange.finish(time);
    this.context.handlers.onExchange(exchange);
  }

  private snapshot(time: number, error?: ExchangeError): Exchange {
    const exchange = this.exchange.snapshot(time, error);
    return {
      ...exchange,
      request: { ...exchange.request, body: this.body("request") },
      response: exchange.response && { ...exchange.response, body: this.body("response") },
      messages: this.messages,
    };
  }

  /** The bytes are in the messages; the body only has their total length, and whether messages are missing. */
  private body(direction: Direction): Body {
    return { head: EMPTY, length: this.sides[direction].messageBytes, truncated: this.hasGap };
  }
}

function costOf(message: WebSocketMessage): number {
  return message.data.length + MESSAGE_OVERHEAD;
}
