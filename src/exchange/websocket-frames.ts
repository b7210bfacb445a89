import { BodyCollector, type MemoryBudget } from "./body.js";
import type { ReaderLimits } from "./exchange.js";
import { ProtocolError } from "./guard.js";

const FIN = 0x80;
const COMPRESSED = 0x40;
const RESERVED = 0x30;
const MASKED = 0x80;
const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const MAX_CONTROL = 125;
/** Frames are unmasked here in chunks before they are kept. */
const SCRATCH = Buffer.alloc(16 << 10);

/** A data message, reassembled from its frames and unmasked. */
export interface RawMessage {
  readonly kind: "text" | "binary";
  readonly isCompressed: boolean;
  readonly data: Buffer;
  readonly truncated: boolean;
}

export interface WebSocketFrameListener {
  onMessage(message: RawMessage, time: number): void;
  /** A Close frame: no data follows it (RFC 6455 §5.5.1), and reading stops. */
  onClose(time: number): void;
}

/** Reassembles the messages of one direction of a WebSocket from its frames (RFC 6455 §5). */
export class WebSocketFrameReader {
  private readonly header = Buffer.alloc(14);
  private headerLength = 0;
  private opcode = 0;
  private isFinal = false;
  private isMasked = false;
  private left = 0;
  private maskAt = 0;
  private inFrame = false;
  private closed = false;
  private message: { kind: "text" | "binary"; isCompressed: boolean; body: BodyCollector } | undefined;

  private readonly limits: ReaderLimits;

  constructor(
    private readonly listener: WebSocketFrameListener,
    private readonly allowsCompression: boolean,
    limits: ReaderLimits,
    private readonly budget: MemoryBudget,
  ) {
    this.limits = { ...limits, maxTail: 0 };
  }

  get isClosed(): boolean {
    return this.closed;
  }

  push(bytes: Buffer, time: number): void {
    let at = 0;
    while (at < bytes.length && !this.closed) {
      at = this.inFrame ? this.readPayload(bytes, at) : this.readHeader(bytes, at);
      if (this.inFrame && this.left === 0) this.endFrame(time);
    }
  }

  release(): void {
    this.message?.body.release();
  }

  private readHeader(bytes: Buffer, at: number): number {
    const missing = this.neededHeader() - this.headerLength;
    const copied = bytes.copy(this.header, this.headerLength, at, at + missing);
    this.headerLength += copied;
    if (this.headerLength === this.neededHeader()) this.beginFrame();
    return at + copied;
  }

  /** Two until the first two bytes are there, then the full length. */
  private neededHeader(): number {
    if (this.headerLength < 2) return 2;
    const length = this.header[1]! & 0x7f;
    return 2 + (length === 127 ? 8 : length === 126 ? 2 : 0) + (this.header[1]! & MASKED ? 4 : 0);
  }

  private beginFrame(): void {
    const first = this.header[0]!;
    const length = this.header[1]! & 0x7f;
    this.opcode = first & 0x0f;
    this.isFinal = (first & FIN) !== 0;
    this.isMasked = (this.header[1]! & MASKED) !== 0;
    this.left = length;
    if (length === 126) this.left = this.header.readUInt16BE(2);
    if (length === 127) this.left = Number(this.header.readBigUInt64BE(2));
    if (!Number.isSafeInteger(this.left)) throw new ProtocolError("websocket_bad_length");
    this.maskAt = 0;
    this.checkFrame(first);
    this.inFrame = true;
  }

  private checkFrame(first: number): void {
    const isCompressed = (first & COMPRESSED) !== 0;
    if (first & RESERVED || (isCompressed && !this.allowsCompression)) {
      throw new ProtocolError("websocket_reserved_bits");
    }
    switch (this.opcode) {
      case OPCODE.text:
      case OPCODE.binary: {
        if (this.message !== undefined) throw new ProtocolError("websocket_bad_fragment");
        const kind = this.opcode === OPCODE.text ? "text" : "binary";
        const body = new BodyCollector(this.limits, this.budget);
        this.message = { kind, isCompressed, body };
        return;
      }
      case OPCODE.continuation:
        if (this.message === undefined || isCompressed) throw new ProtocolError("websocket_bad_fragment");
        return;
      case OPCODE.close:
      case OPCODE.ping:
      case OPCODE.pong:
        if (isCompressed || !this.isFinal || this.left > MAX_CONTROL) {
          throw new ProtocolError("websocket_bad_control");
        }
        return;
      default:
        throw new ProtocolError("websocket_bad_opcode");
    }
  }

  private readPayload(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.left);
    this.left -= end - at;
    if (this.opcode > OPCODE.binary) return end;
    const body = this.message!.body;
    if (!this.isMasked) {
      body.append(bytes, at, end);
      return end;
    }
    for (let from = at; from < end; from += SCRATCH.length) {
      const to = Math.min(end, from + SCRATCH.length);
      this.unmask(bytes, from, to);
      body.append(SCRATCH, 0, to - from);
    }
    return end;
  }

  private unmask(bytes: Buffer, from: number, to: number): void {
    const mask = this.header.subarray(this.neededHeader() - 4);
    let maskAt = this.maskAt;
    for (let i = from; i < to; i++) {
      SCRATCH[i - from] = bytes[i]! ^ mask[maskAt]!;
      maskAt = (maskAt + 1) & 3;
    }
    this.maskAt = maskAt;
  }

  private endFrame(time: number): void {
    this.inFrame = false;
    this.headerLength = 0;
    if (this.opcode === OPCODE.close) {
      this.closed = true;
      this.listener.onClose(time);
    }
    const message = this.message;
    if (this.opcode > OPCODE.binary || !this.isFinal || message === undefined) return;
    this.message = undefined;
    message.body.release();
    const { head, truncated } = message.body.snapshot();
    this.listener.onMessage({ ...message, data: head, truncated }, time);
  }
}
