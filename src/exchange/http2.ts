import type { Direction } from "../connection/direction.js";
import type { ConnectionReader, ExchangeError, Fields, ReaderHandlers, ReaderLimits } from "./exchange.js";
import { type CloseCause, guardReader, ProtocolError, type ReaderCore } from "./guard.js";
import { HpackDecoder } from "./hpack.js";
import { type FieldBlock, FieldBlockJoiner } from "./http2-field-block.js";
import { FLAG, FRAME, type FrameHead, FrameReader } from "./http2-frames.js";
import { connectProtocol, regularFields, requestOfSection, responseOfSection } from "./http2-message.js";
import { type ConnectionContext, createContext, errorOfClose, OpenExchange } from "./open-exchange.js";
import { WebSocketCore } from "./websocket.js";

/** The connection preface that every HTTP/2 client sends (RFC 9113 §3.4). */
export const HTTP2_PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

const SETTINGS_HEADER_TABLE_SIZE = 1;
const SETTING_LENGTH = 6;
/** Servers allow a few hundred. */
const MAX_OPEN_STREAMS = 4096;

/** Reads an HTTP/2 connection: each stream is an exchange. */
export function createHttp2Reader(
  options: { readonly limits: ReaderLimits },
  handlers: ReaderHandlers,
): ConnectionReader {
  return guardReader(new Http2Core(createContext(options.limits, handlers)), handlers);
}

interface Stream {
  readonly exchange: OpenExchange;
  /** Extended CONNECT (RFC 8441): the protocol of its DATA frames if the server accepts. */
  readonly connectsTo?: string;
  webSocket?: WebSocketCore;
}

/** One direction of the connection. */
interface Side {
  readonly frames: FrameReader;
  readonly blocks: FieldBlockJoiner;
  readonly hpack: HpackDecoder;
}

export class Http2Core implements ReaderCore {
  readonly protocol = "h2";
  private readonly context: ConnectionContext;
  private readonly sides: Readonly<Record<Direction, Side>>;
  private readonly streams = new Map<number, Stream>();
  private prefaceSeen = 0;
  private lastClientStream = 0;
  private lastPushedStream = 0;
  private firstEnd: Direction | undefined;

  constructor(context: ConnectionContext) {
    this.context = context;
    this.sides = { request: this.createSide("request"), response: this.createSide("response") };
  }

  /** An HTTP/1.1 request that was answered by a switch to HTTP/2 is stream 1 (RFC 7540 §3.2). */
  adopt(exchange: OpenExchange, http2Settings: string): void {
    exchange.continueAsStream(1);
    this.lastClientStream = 1;
    this.streams.set(1, { exchange });
    this.onSettings("request", Buffer.from(http2Settings, "base64url"));
  }

  push(direction: Direction, bytes: Buffer, time: number): void {
    const start = direction === "request" ? this.skipPreface(bytes) : 0;
    this.sides[direction].frames.push(start === 0 ? bytes : bytes.subarray(start), time);
  }

  end(direction: Direction, _time: number): void {
    this.firstEnd ??= direction;
  }

  close(cause: CloseCause, time: number): void {
    const error = errorOfClose(cause, this.firstEnd);
    for (const id of [...this.streams.keys()]) this.report(id, error, time);
  }

  private createSide(direction: Direction): Side {
    const { maxHeader } = this.context.limits;
    const frames = new FrameReader(
      {
        onData: (id, bytes, start, end, time) => this.onData(direction, id, bytes, start, end, time),
        onDataEnd: (frame, time) => this.onEndStream(direction, frame, [], time),
        onFrame: (frame, payload, time) => this.onFrame(direction, frame, payload, time),
      },
      maxHeader,
    );
    return { frames, blocks: new FieldBlockJoiner(maxHeader), hpack: new HpackDecoder(maxHeader) };
  }

  private skipPreface(bytes: Buffer): number {
    const missing = HTTP2_PREFACE.length - this.prefaceSeen;
    if (missing === 0) return 0;
    const end = Math.min(bytes.length, missing);
    const expected = HTTP2_PREFACE.subarray(this.prefaceSeen, this.prefaceSeen + end);
    if (!bytes.subarray(0, end).equals(expected)) throw new ProtocolError("h2_bad_preface");
    this.prefaceSeen += end;
    return end;
  }

  private onFrame(direction: Direction, frame: FrameHead, payload: Buffer, time: number): void {
    switch (frame.type) {
      case FRAME.settings:
        if ((frame.flags & FLAG.ack) === 0) this.onSettings(direction, payload);
        return;
      case FRAME.rstStream:
        if (payload.length !== 4) throw new ProtocolError("h2_bad_frame_size");
        this.report(frame.streamId, "stream_reset", time);
        return;
      case FRAME.goaway:
        this.onGoaway(direction, payload, time);
        return;
      default: {
        const side = this.sides[direction];
        const block = side.blocks.add(frame, payload);
        // Always decoded, needed or not: the next block depends on the table.
        if (block !== undefined) this.onSection(direction, block, side.hpack.decode(block.bytes), time);
      }
    }
  }

  /** The settings of one side limit the field blocks of the other. */
  private onSettings(direction: Direction, payload: Buffer): void {
    if (payload.length % SETTING_LENGTH !== 0) throw new ProtocolError("h2_bad_frame_size");
    const { hpack } = this.sides[direction === "request" ? "response" : "request"];
    for (let at = 0; at < payload.length; at += SETTING_LENGTH) {
      if (payload.readUInt16BE(at) === SETTINGS_HEADER_TABLE_SIZE) {
        hpack.allowTableSize(payload.readUInt32BE(at + 2));
      }
    }
  }

  private onSection(
    direction: Direction,
    { frame, promisedId }: FieldBlock,
    section: Fields,
    time: number,
  ): void {
    if (promisedId !== undefined) this.onPromise(promisedId, section, frame.startedAt, time);
    else if (direction === "request") this.onRequestSection(frame, section, time);
    else this.onResponseSection(frame, section, time);
  }

  private onRequestSection(frame: FrameHead, section: Fields, time: number): void {
    const { streamId } = frame;
    if (this.streams.has(streamId)) {
      this.onEndStream("request", frame, regularFields(section), time);
      return;
    }
    // A stream that is already closed, or was opened by the server: nothing to read.
    if (streamId % 2 === 0 || streamId <= this.lastClientStream) return;
    this.lastClientStream = streamId;
    this.open(streamId, section, frame.startedAt);
    this.onEndStream("request", frame, [], time);
  }

  private onResponseSection(frame: FrameHead, section: Fields, time: number): void {
    const stream = this.streams.get(frame.streamId);
    if (stream === undefined) return;
    if (stream.exchange.response !== undefined) {
      this.onEndStream("response", frame, regularFields(section), time);
      return;
    }
    const response = responseOfSection(section);
    // The client resets a stream whose response is malformed (RFC 9113 §8.1.1); interim responses are ignored.
    if (response === undefined || response.status < 200) return;
    stream.exchange.answer(response, frame.startedAt);
    if (stream.connectsTo === "websocket" && response.status < 300)
      this.startWebSocket(frame.streamId, stream, time);
    this.onEndStream("response", frame, [], time);
  }

  /** RFC 9113 §8.4: the promise contains the complete request; the response follows on the promised stream. */
  private onPromise(promisedId: number, section: Fields, startedAt: number, time: number): void {
    if (promisedId % 2 === 1 || promisedId <= this.lastPushedStream)
      throw new ProtocolError("h2_bad_promise");
    this.lastPushedStream = promisedId;
    this.open(promisedId, section, startedAt);
    this.streams.get(promisedId)?.exchange.endRequest([], time);
  }

  private open(streamId: number, section: Fields, startedAt: number): void {
    const request = requestOfSection(section);
    if (request === undefined) return;
    if (this.streams.size >= MAX_OPEN_STREAMS) throw new ProtocolError("h2_too_many_streams");
    const exchange = new OpenExchange(this.context, "h2", request, startedAt, streamId);
    this.streams.set(streamId, { exchange, connectsTo: connectProtocol(section) });
  }

  private onData(
    direction: Direction,
    id: number,
    bytes: Buffer,
    start: number,
    end: number,
    time: number,
  ): void {
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    if (stream.webSocket === undefined) stream.exchange.append(direction, bytes, start, end, time);
    else {
      const { webSocket } = stream;
      this.readWebSocket(id, time, () => webSocket.push(direction, bytes.subarray(start, end), time));
    }
  }

  /** Ends one direction of a stream if `frame` has END_STREAM. */
  private onEndStream(direction: Direction, frame: FrameHead, trailers: Fields, time: number): void {
    if ((frame.flags & FLAG.endStream) === 0) return;
    const stream = this.streams.get(frame.streamId);
    if (stream === undefined) return;
    const { exchange } = stream;
    stream.webSocket?.end(direction, time);
    if (direction === "request") exchange.endRequest(trailers, time);
    else exchange.endResponse(trailers, time);
    if (!exchange.isComplete) return;
    this.report(frame.streamId, undefined, time);
  }

  private startWebSocket(id: number, stream: Stream, time: number): void {
    this.readWebSocket(id, time, () => {
      stream.webSocket = new WebSocketCore(stream.exchange, this.context);
    });
  }

  /** An error in a WebSocket stops reading its stream, not the connection. */
  private readWebSocket(id: number, time: number, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.report(id, "capture_lost", time);
    }
  }

  /** Names the last stream that was, or will be, processed (RFC 9113 §6.8): later ones get no response. */
  private onGoaway(direction: Direction, payload: Buffer, time: number): void {
    if (payload.length < 8) throw new ProtocolError("h2_bad_frame_size");
    const last = payload.readUInt32BE(0) & 0x7fffffff;
    const refused = direction === "response" ? 1 : 0;
    for (const id of [...this.streams.keys()]) {
      if (id > last && id % 2 === refused) this.report(id, "stream_reset", time);
    }
  }

  /** Reports a stream; `error` only applies when its response has not ended. */
  private report(id: number, error: ExchangeError | undefined, time: number): void {
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    this.streams.delete(id);
    if (stream.webSocket === undefined) this.context.handlers.onExchange(stream.exchange.finish(time, error));
    else stream.webSocket.close(error ?? "ended", time);
  }
}
