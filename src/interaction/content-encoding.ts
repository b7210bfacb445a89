import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from "node:zlib";
import { Decompress } from "fzstd";
import type { Fields } from "../exchange/exchange.js";
import { fieldTokens } from "../exchange/fields.js";
import { ZstdFrames } from "./zstd-frames.js";

/** Decoded bytes kept of one body; what a bomb would unpack beyond them is never made. */
export const MAX_DECODED = 16 << 20;
/** What a body may unpack to, as a multiple of its length: repetitive JSON comes to 50, and a bomb to 1,000. */
const MAX_RATIO = 128;
/** Small bodies may unpack to this, whatever the ratio. */
const ALWAYS_DECODED = 256 << 10;
/** RFC 9659: a zstd content coding must not need a window above 8 MiB. Four times that is forgiven. */
const MAX_ZSTD_WINDOW = 32 << 20;
/** Codings stacked on one body; nobody sends more than two. */
const MAX_STACK = 2;

export type Unpacked =
  | { readonly kind: "bytes"; readonly bytes: Buffer; readonly truncated: boolean }
  | { readonly kind: "failed"; readonly reason: string };

/** The codings that were applied, first one first (RFC 9110 §8.4). */
export function contentCodings(fields: Fields): readonly string[] {
  return fieldTokens(fields, "content-encoding").filter((coding) => coding !== "identity");
}

/** What `length` bytes may unpack to in all, whatever is stacked or strung together in them. */
export function decodedBound(length: number): number {
  return Math.min(MAX_DECODED, mayUnpackTo(length));
}

/** What `length` bytes unpack to when they are no bomb. */
export function mayUnpackTo(length: number): number {
  return Math.max(ALWAYS_DECODED, length * MAX_RATIO);
}

/**
 * Undoes the codings, last one first, up to `bound` bytes. Input that stops early gives what could be unpacked of it.
 */
export function unpack(
  bytes: Buffer,
  codings: readonly string[],
  bound = decodedBound(bytes.length),
): Unpacked {
  if (codings.length > MAX_STACK) return { kind: "failed", reason: "too_many_codings" };
  let unpacked: Unpacked = { kind: "bytes", bytes, truncated: false };
  for (const coding of [...codings].reverse()) {
    const next = unpackOne(unpacked.bytes, coding, bound);
    if (next.kind === "failed") return next;
    unpacked = { ...next, truncated: next.truncated || unpacked.truncated };
  }
  return unpacked;
}

/** By the names that servers give them (RFC 9110 §8.4.1, and others that are seen). */
const CODINGS: Readonly<Record<string, "gzip" | "deflate" | "br" | "zstd">> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
  "x-deflate": "deflate",
  zlib: "deflate",
  br: "br",
  "x-br": "br",
  brotli: "br",
  zstd: "zstd",
  "x-zstd": "zstd",
  zst: "zstd",
};

export function codingNamed(name: string): (typeof CODINGS)[string] | undefined {
  return Object.hasOwn(CODINGS, name) ? CODINGS[name] : undefined;
}

function unpackOne(bytes: Buffer, coding: string, maxOutputLength: number): Unpacked {
  const zlib = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength };
  const brotli = { finishFlush: constants.BROTLI_OPERATION_FLUSH, maxOutputLength };
  if (bytes.length === 0) return { kind: "bytes", bytes, truncated: false };
  switch (codingNamed(coding)) {
    case "gzip":
      return bounded(bytes, "gzip", (input) => gunzipSync(input, zlib));
    case "deflate":
      return bounded(bytes, "deflate", (input) =>
        isZlib(input) ? inflateSync(input, zlib) : inflateRawSync(input, zlib),
      );
    case "br":
      return bounded(bytes, "br", (input) => brotliDecompressSync(input, brotli));
    case "zstd":
      return unpackZstd(bytes, maxOutputLength);
    default:
      return { kind: "failed", reason: `unknown_coding:${coding.slice(0, 32)}` };
  }
}

/** `deflate` should be zlib (RFC 9110 §8.4.1.2), but raw deflate is sent as well: the zlib header has a checksum. */
export function isZlib(bytes: Buffer): boolean {
  return bytes.length >= 2 && (bytes[0]! & 0x0f) === 8 && bytes.readUInt16BE(0) % 31 === 0;
}

/**
 * Node's decoders give nothing when the output exceeds its bound. So that the start of a large body is still
 * read, shorter and shorter starts of the input are tried.
 */
function bounded(bytes: Buffer, coding: string, decode: (input: Buffer) => Buffer): Unpacked {
  for (let length = bytes.length; length > 0; length >>= 3) {
    try {
      return { kind: "bytes", bytes: decode(bytes.subarray(0, length)), truncated: length < bytes.length };
    } catch (error) {
      if (!(error instanceof RangeError)) return { kind: "failed", reason: `corrupt_${coding}` };
    }
  }
  return { kind: "failed", reason: `bomb_${coding}` };
}

class Enough extends Error {}

function unpackZstd(bytes: Buffer, bound: number): Unpacked {
  const frames = new ZstdFrames();
  frames.push(bytes);
  if (frames.window > MAX_ZSTD_WINDOW || frames.isTooMuch) return { kind: "failed", reason: "bomb_zstd" };
  const chunks: Uint8Array[] = [];
  let length = 0;
  const decoder = new Decompress((chunk) => {
    if (length + chunk.length > bound) throw new Enough();
    length += chunk.length;
    chunks.push(chunk);
  });
  try {
    // Never told that this is the end: an early end would throw instead of giving what is there.
    decoder.push(bytes);
  } catch (error) {
    if (!(error instanceof Enough) && length === 0) return { kind: "failed", reason: "corrupt_zstd" };
    return { kind: "bytes", bytes: Buffer.concat(chunks), truncated: true };
  }
  return { kind: "bytes", bytes: Buffer.concat(chunks), truncated: false };
}
