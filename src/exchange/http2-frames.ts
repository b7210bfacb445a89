import { ByteBuffer } from "./byte-buffer.js";
import { ProtocolError } from "./guard.js";

/** Frame types (RFC 9113 §6) that a passive reader needs; others are skipped. */
export const FRAME = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  goaway: 7,
  continuation: 9,
} as const;

export const FLAG = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

const HEADER_LENGTH = 9;

export interface FrameHead {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  /** When its first byte was seen. */
  readonly startedAt: number;
}

export interface FrameListener {
  /** A part of a DATA frame's content, as it arrives. */
  onData(streamId: number, bytes: Buffer, start: number, end: number, time: number): void;
  /** A DATA frame is complete. */
  onDataEnd(frame: FrameHead, time: number): void;
  /** Any other frame that is needed; `payload` is only valid during the call. */
  onFrame(frame: FrameHead, payload: Buffer, time: number): void;
}

/**
 * Splits one direction of an HTTP/2 connection into frames (RFC 9113 §4). The content of DATA frames is
 * passed on as it arrives; frames that are not needed are skipped without buffering.
 */
export class FrameReader {
  private readonly listener: FrameListener;
  private readonly maxPayload: number;
  /** An incomplete frame header, or the incomplete payload of a frame that is read whole. */
  private readonly partial = new ByteBuffer();
  private startedAt = 0;
  private frame: FrameHead | undefined;
  /** Bytes of the frame's payload still to come. */
  private left = 0;
  /** Of these, the trailing padding. */
  private padding = 0;
  private awaitsPadLength = false;
  private sawSettings = false;
  /** The stream with an incomplete field block: only its CONTINUATION may follow (RFC 9113 §6.10). */
  private openBlock: number | undefined;

  constructor(listener: FrameListener, maxPayload: number) {
    this.listener = listener;
    this.maxPayload = maxPayload;
  }

  push(bytes: Buffer, time: number): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.frame === undefined) at = this.readHeader(bytes, at, time);
      else if (this.frame.type === FRAME.data) at = this.readData(this.frame, bytes, at, time);
      else if (isRead(this.frame.type)) at = this.readWhole(this.frame, bytes, at, time);
      else at = this.skip(bytes, at);
    }
  }

  private readHeader(bytes: Buffer, at: number, time: number): number {
    if (this.partial.length === 0) this.startedAt = time;
    if (this.partial.length === 0 && bytes.length - at >= HEADER_LENGTH) {
      this.begin(bytes, at, time);
      return at + HEADER_LENGTH;
    }
    const end = Math.min(bytes.length, at + HEADER_LENGTH - this.partial.length);
    this.partial.append(bytes, at, end);
    if (this.partial.length === HEADER_LENGTH) {
      const header = this.partial.view();
      this.partial.clear();
      this.begin(header, 0, time);
    }
    return end;
  }

  private begin(header: Buffer, at: number, time: number): void {
    const length = header.readUIntBE(at, 3);
    const type = header[at + 3]!;
    const flags = header[at + 4]!;
    const streamId = header.readUInt32BE(at + 5) & 0x7fffffff;
    // Both sides start with SETTINGS (RFC 9113 §3.4). This also detects an HTTP/1 error page.
    if (!this.sawSettings && type !== FRAME.settings) throw new ProtocolError("h2_no_settings");
    this.sawSettings = true;
    if (isRead(type) && length > this.maxPayload) throw new ProtocolError("h2_frame_too_large");
    this.trackBlock(type, flags, streamId);
    const frame = { type, flags, streamId, startedAt: this.startedAt };
    this.left = length;
    this.padding = 0;
    if (type === FRAME.data) {
      this.awaitsPadLength = (flags & FLAG.padded) !== 0;
      if (this.awaitsPadLength && length === 0) throw new ProtocolError("h2_bad_padding");
    }
    if (length > 0) this.frame = frame;
    else if (type === FRAME.data) this.listener.onDataEnd(frame, time);
    else if (isRead(type)) this.listener.onFrame(frame, header.subarray(0, 0), time);
  }

  private trackBlock(type: number, flags: number, streamId: number): void {
    const continues = type === FRAME.continuation;
    if (continues ? this.openBlock !== streamId : this.openBlock !== undefined) {
      throw new ProtocolError("h2_bad_continuation");
    }
    if (continues || type === FRAME.headers || type === FRAME.pushPromise) {
      this.openBlock = flags & FLAG.endHeaders ? undefined : streamId;
    }
  }

  private readData(frame: FrameHead, bytes: Buffer, at: number, time: number): number {
    let next = at;
    if (this.awaitsPadLength) {
      this.awaitsPadLength = false;
      this.padding = bytes[next++]!;
      this.left--;
      if (this.padding > this.left) throw new ProtocolError("h2_bad_padding");
    }
    const content = Math.min(bytes.length - next, this.left - this.padding);
    if (content > 0) {
      this.listener.onData(frame.streamId, bytes, next, next + content, time);
      next += content;
      this.left -= content;
    }
    const padding = Math.min(bytes.length - next, this.padding);
    this.padding -= padding;
    this.left -= padding;
    if (this.left === 0) {
      this.frame = undefined;
      this.listener.onDataEnd(frame, time);
    }
    return next + padding;
  }

  private readWhole(frame: FrameHead, bytes: Buffer, at: number, time: number): number {
    const end = Math.min(bytes.length, at + this.left);
    this.left -= end - at;
    const isInPieces = this.left > 0 || this.partial.length > 0;
    if (isInPieces) this.partial.append(bytes, at, end);
    if (this.left > 0) return end;
    const payload = isInPieces ? this.partial.view() : bytes.subarray(at, end);
    this.partial.clear();
    this.frame = undefined;
    this.listener.onFrame(frame, payload, time);
    return end;
  }

  private skip(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.left);
    this.left -= end - at;
    if (this.left === 0) this.frame = undefined;
    return end;
  }
}

function isRead(type: number): boolean {
  switch (type) {
    case FRAME.headers:
    case FRAME.rstStream:
    case FRAME.settings:
    case FRAME.pushPromise:
    case FRAME.goaway:
    case FRAME.continuation:
      return true;
    default:
      return false;
  }
}
