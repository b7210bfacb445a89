/** Batches the taps' pushes of a few milliseconds into one message to the capture thread. */

import type { Connection, UnreadConnection } from "../connection/connection.js";
import { type Batch, OP_WIDTH } from "./protocol.js";

/** A batch is sent as soon as it has this many bytes. */
const FULL_BATCH = 256 << 10;
const FIRST_BUFFER = 16 << 10;
/** Fits a full batch: the last push is rarely longer than a TLS record or one of Node's reads. */
const LARGE_BUFFER = FULL_BATCH + (64 << 10);
/** Large buffers kept for the next batches. */
const MAX_SPARE = 4;
/**
 * A batch is sent after this time. Waking the other thread costs more than reading an exchange, and the delay until an
 * event is written does not matter.
 */
const GATHER_MS = 25;

/** Whether a buffer is worth reusing. */
export const isLarge = (buffer: ArrayBuffer): boolean => buffer.byteLength === LARGE_BUFFER;

export class BatchWriter {
  private ops: number[] = [];
  private bytes = new Uint8Array(FIRST_BUFFER);
  private used = 0;
  private infos: (Connection | UnreadConnection)[] = [];
  private timer: NodeJS.Timeout | undefined;
  private readonly spare: Uint8Array<ArrayBuffer>[] = [];

  /** `send` must transfer `ops.buffer` and `bytes.buffer`, or copy them. */
  constructor(private readonly send: (batch: Batch) => void) {}

  /** An operation whose argument is a number. */
  op(code: number, id: number, time: number, argument = 0): void {
    this.ops.push(code, id, time, argument);
    this.schedule();
  }

  /** An operation whose argument is an object. */
  describe(code: number, id: number, time: number, info: Connection | UnreadConnection): void {
    this.op(code, id, time, this.infos.push(info) - 1);
  }

  /** A push: copies `chunk`, which Node may reuse at once. */
  push(code: number, id: number, time: number, chunk: Uint8Array): void {
    if (this.used + chunk.length > this.bytes.length) this.grow(chunk.length);
    this.bytes.set(chunk, this.used);
    this.used += chunk.length;
    this.op(code, id, time, chunk.length);
    if (this.used >= FULL_BATCH) this.flush();
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.ops.length === 0) return;
    const batch: Batch = {
      type: "batch",
      ops: new Float64Array(this.ops),
      bytes: this.bytes.subarray(0, this.used),
      infos: this.infos,
    };
    this.ops = [];
    this.bytes = new Uint8Array(FIRST_BUFFER);
    this.used = 0;
    this.infos = [];
    this.send(batch);
  }

  /** Takes a large buffer back: memory outside the heap hardly triggers V8's collector, and would grow by megabytes. */
  reuse(buffer: ArrayBuffer): void {
    if (isLarge(buffer) && this.spare.length < MAX_SPARE) this.spare.push(new Uint8Array(buffer));
  }

  private schedule(): void {
    this.timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  private grow(need: number): void {
    const needed = this.used + need;
    const larger =
      needed > LARGE_BUFFER ? new Uint8Array(needed) : (this.spare.pop() ?? new Uint8Array(LARGE_BUFFER));
    larger.set(this.bytes.subarray(0, this.used));
    this.bytes = larger;
  }
}

/** Calls `visit` for each operation of a batch; `bytes` is set for pushes. */
export function readBatch(
  batch: Batch,
  isPush: (code: number) => boolean,
  visit: (op: { code: number; id: number; time: number; argument: number; bytes: Uint8Array }) => void,
): void {
  const none = new Uint8Array(0);
  let offset = 0;
  for (let at = 0; at < batch.ops.length; at += OP_WIDTH) {
    const code = batch.ops[at]!;
    const argument = batch.ops[at + 3]!;
    const bytes = isPush(code) ? batch.bytes.subarray(offset, offset + argument) : none;
    offset += bytes.length;
    visit({ code, id: batch.ops[at + 1]!, time: batch.ops[at + 2]!, argument, bytes });
  }
}
