/** A body's gzip, deflate or brotli, undone while it comes: bytes in, bytes out, in the same moment. */

import {
  type BrotliDecompress,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
} from "node:zlib";

/**
 * What Node's objects have besides their streams, whose output comes later from other threads. `_processChunk` is left
 * "for backwards compatibility" (lib/zlib.js of Node 20 to 26); minizlib, by which npm unpacks, is built on it. It was
 * made for one call and closes the handle after it, which is put off here.
 */
interface Inner {
  _handle: { close(): void } | null;
  _maxOutputLength: number;
  _processChunk(bytes: Uint8Array, flush: number): Buffer;
}

export type ZlibCoding = "gzip" | "zlib" | "deflate" | "br";

const CREATE = {
  gzip: createGunzip,
  zlib: createInflate,
  deflate: createInflateRaw,
  br: createBrotliDecompress,
} as const;

export class SyncZlib {
  private readonly handle: NonNullable<Inner["_handle"]>;
  private readonly flush: number;

  private constructor(
    private readonly stream: BrotliDecompress,
    private readonly inner: Inner,
    coding: ZlibCoding,
  ) {
    this.handle = inner._handle!;
    this.handle.close = () => {};
    this.flush = coding === "br" ? constants.BROTLI_OPERATION_FLUSH : constants.Z_SYNC_FLUSH;
  }

  /** Undefined where Node has no way to do it. */
  static of(coding: ZlibCoding): SyncZlib | undefined {
    const stream = CREATE[coding]();
    const inner = stream as unknown as Partial<Inner>;
    if (typeof inner._processChunk === "function" && inner._handle)
      return new SyncZlib(stream, inner as Inner, coding);
    stream.close();
    return undefined;
  }

  /**
   * What can be said after these bytes. Throws when they are damaged, or come to more than `most` bytes; nothing can be
   * pushed after that.
   */
  push(bytes: Uint8Array, most: number): Buffer {
    this.inner._handle = this.handle;
    this.inner._maxOutputLength = most;
    try {
      return this.inner._processChunk(bytes, this.flush);
    } finally {
      // Each call leaves a listener, and an error is told again later.
      this.stream.removeAllListeners("error").on("error", () => {});
    }
  }

  close(): void {
    this.inner._handle = null;
    Reflect.deleteProperty(this.handle, "close");
    this.handle.close();
  }
}
