/** Decodes gzip, deflate or brotli synchronously as it arrives: bytes in, bytes out. */

import {
  type BrotliDecompress,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
} from "node:zlib";

/**
 * Internals of Node's zlib objects; their stream output is asynchronous, from other threads. `_processChunk` is kept
 * "for backwards compatibility" (lib/zlib.js of Node 20 to 26); minizlib, which npm uses, is built on it. It is meant
 * for a single call and closes the handle afterwards, which is postponed here.
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

  /** Undefined when this version of Node does not support it. */
  static of(coding: ZlibCoding): SyncZlib | undefined {
    const stream = CREATE[coding]();
    const inner = stream as unknown as Partial<Inner>;
    if (typeof inner._processChunk === "function" && inner._handle)
      return new SyncZlib(stream, inner as Inner, coding);
    stream.close();
    return undefined;
  }

  /**
   * The output available after these bytes. Throws when they are corrupt, or the output exceeds `most` bytes; nothing
   * can be pushed after that.
   */
  push(bytes: Uint8Array, most: number): Buffer {
    this.inner._handle = this.handle;
    this.inner._maxOutputLength = most;
    try {
      return this.inner._processChunk(bytes, this.flush);
    } finally {
      // Each call adds a listener, and errors are emitted again later.
      this.stream.removeAllListeners("error").on("error", () => {});
    }
  }

  close(): void {
    this.inner._handle = null;
    Reflect.deleteProperty(this.handle, "close");
    this.handle.close();
  }
}
