import { ByteBuffer } from "./byte-buffer.js";
import { ProtocolError } from "./guard.js";
import { FLAG, FRAME, type FrameHead } from "./http2-frames.js";

const STREAM_ID_LENGTH = 4;
const PRIORITY_LENGTH = 5;

/** A complete field block (RFC 9113 §4.3), still compressed. */
export interface FieldBlock {
  /** Its HEADERS or PUSH_PROMISE frame. */
  readonly frame: FrameHead;
  /** The stream reserved by a PUSH_PROMISE. */
  readonly promisedId?: number;
  /** Valid until the next frame is read. */
  readonly bytes: Buffer;
}

/** Joins HEADERS or PUSH_PROMISE with the CONTINUATION frames that follow, for one direction of a connection. */
export class FieldBlockJoiner {
  private readonly maxLength: number;
  private open: Omit<FieldBlock, "bytes"> | undefined;
  private readonly bytes = new ByteBuffer();

  constructor(maxLength: number) {
    this.maxLength = maxLength;
  }

  /** Returns the block if this frame completes it. */
  add(frame: FrameHead, payload: Buffer): FieldBlock | undefined {
    const part = frame.type === FRAME.continuation ? payload : this.begin(frame, payload);
    const open = this.open;
    if (open === undefined) throw new ProtocolError("h2_bad_continuation");
    const isLast = (frame.flags & FLAG.endHeaders) !== 0;
    if (isLast && this.bytes.length === 0) {
      this.open = undefined;
      return { ...open, bytes: part };
    }
    if (this.bytes.length + part.length > this.maxLength) throw new ProtocolError("h2_head_too_large");
    this.bytes.append(part, 0, part.length);
    if (!isLast) return undefined;
    const bytes = this.bytes.view();
    this.bytes.clear();
    this.open = undefined;
    return { ...open, bytes };
  }

  /** Strips padding, priority and the promised stream (RFC 9113 §6.2, §6.6). */
  private begin(frame: FrameHead, payload: Buffer): Buffer {
    const isPadded = (frame.flags & FLAG.padded) !== 0;
    const padding = isPadded ? (payload[0] ?? 0) : 0;
    let start = isPadded ? 1 : 0;
    let promisedId: number | undefined;
    if (frame.type === FRAME.pushPromise) {
      if (payload.length < start + STREAM_ID_LENGTH) throw new ProtocolError("h2_bad_frame_size");
      promisedId = payload.readUInt32BE(start) & 0x7fffffff;
      start += STREAM_ID_LENGTH;
    } else if (frame.flags & FLAG.priority) {
      start += PRIORITY_LENGTH;
    }
    const end = payload.length - padding;
    if (start > end) throw new ProtocolError("h2_bad_padding");
    this.open = { frame, promisedId };
    return payload.subarray(start, end);
  }
}
