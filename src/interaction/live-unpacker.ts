/** Decodes a body's content coding (RFC 9110 §8.4) as it arrives. Bytes in, bytes out; its memory is bounded. */

import { Decompress } from "fzstd";
import type { MemoryBudget } from "../exchange/body.js";
import { codingNamed, isZlib, MAX_DECODED, mayUnpackTo } from "./content-encoding.js";
import { SyncZlib, type ZlibCoding } from "./sync-zlib.js";
import { ZstdFrames } from "./zstd-frames.js";

/** RFC 9659: limit for a zstd content coding. */
const MAX_ZSTD_WINDOW = 8 << 20;
/** Memory of inflate: a window of 32 KiB, and its tables. */
const ZLIB_MEMORY = 48 << 10;

interface Decoder {
  /** Throws when the output exceeds `most` bytes, or the input is corrupt. */
  push(bytes: Uint8Array, most: number): Uint8Array;
  close(): void;
}

/** A decoder, and the memory it takes. */
interface Choice {
  readonly memory: number;
  readonly create: () => Decoder | undefined;
}

export class LiveUnpacker {
  private received = 0;
  private made = 0;

  private constructor(
    private readonly decoder: Decoder,
    private readonly memory: number,
    private readonly budget: MemoryBudget,
  ) {}

  /**
   * @param codings in the order applied; several codings are not supported
   * @param start the first bytes of the body
   * @param budget memory limit for the decoders of all bodies
   * @returns undefined when the body must be decoded after it is complete
   */
  static of(codings: readonly string[], start: Uint8Array, budget: MemoryBudget): LiveUnpacker | undefined {
    const choice = codings.length === 1 ? choose(codings[0]!, Buffer.from(start)) : undefined;
    if (choice === undefined || !budget.takeAll(choice.memory)) return undefined;
    const decoder = choice.create();
    if (decoder !== undefined) return new LiveUnpacker(decoder, choice.memory, budget);
    budget.release(choice.memory);
    return undefined;
  }

  /** Undefined when the rest cannot be decoded, or is too large: then it is closed. */
  push(bytes: Uint8Array): Uint8Array | undefined {
    this.received += bytes.length;
    const most = Math.min(MAX_DECODED, mayUnpackTo(this.received) - this.made);
    try {
      if (most <= 0) return bytes.subarray(0, 0);
      const unpacked = this.decoder.push(bytes, most);
      this.made += unpacked.length;
      return unpacked;
    } catch {
      return undefined; // corrupt, or a decompression bomb
    }
  }

  close(): void {
    this.decoder.close();
    this.budget.release(this.memory);
  }
}

function choose(coding: string, start: Buffer): Choice | undefined {
  const zlib = (kind: ZlibCoding, memory: number): Choice => ({ memory, create: () => SyncZlib.of(kind) });
  switch (codingNamed(coding)) {
    case "gzip":
      return zlib("gzip", ZLIB_MEMORY);
    case "deflate":
      return zlib(beginsZlib(start) ? "zlib" : "deflate", ZLIB_MEMORY);
    case "br":
      return zlib("br", brotliWindow(start[0] ?? 0));
    case "zstd":
      // The window size of a frame may not be in the first bytes.
      return { memory: MAX_ZSTD_WINDOW, create: () => new LiveZstd() };
    default:
      return undefined;
  }
}

/** The second byte, which has the checksum, may arrive later. */
const beginsZlib = (start: Buffer) => (start.length === 1 ? (start[0]! & 0x0f) === 8 : isZlib(start));

/** The window size in bytes, from WBITS in the first byte (RFC 7932 §9.1). */
function brotliWindow(first: number): number {
  if ((first & 1) === 0) return 1 << 16;
  const low = (first >> 1) & 7;
  if (low !== 0) return 1 << (17 + low);
  const high = (first >> 4) & 7;
  return 1 << (high === 0 ? 17 : 8 + high);
}

class LiveZstd implements Decoder {
  private pieces: Uint8Array[] = [];
  private length = 0;
  private most = 0;
  private readonly frames = new ZstdFrames();
  private readonly decoder = new Decompress((piece) => {
    this.length += piece.length;
    if (this.length > this.most) throw new RangeError("output too large");
    this.pieces.push(piece);
  });

  push(bytes: Uint8Array, most: number): Uint8Array {
    this.pieces = [];
    this.length = 0;
    this.most = most;
    this.frames.push(bytes);
    // fzstd allocates windows of any size.
    const { window, isTooMuch, isDamaged } = this.frames;
    if (isDamaged || isTooMuch || window > MAX_ZSTD_WINDOW) {
      throw new RangeError("corrupt, or too expensive to decode");
    }
    // Copied, because fzstd keeps incomplete blocks, and the tap reuses its buffer.
    this.decoder.push(new Uint8Array(bytes));
    return Buffer.concat(this.pieces);
  }

  close(): void {}
}
