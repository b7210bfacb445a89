import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from "node:zlib";
import { Decompress } from "fzstd";
import type { Fields } from "../exchange/exchange.js";
import { fieldTokens } from "../exchange/fields.js";
import { ZstdFrames } from "./zstd-frames.js";

/** Limit of decoded bytes per body; a decompression bomb is not expanded beyond it. */
export const MAX_DECODED = 16 << 20;
/** Maximum expansion of a body as a multiple of its length: repetitive JSON reaches 50, a bomb 1,000. */
const MAX_RATIO = 128;
/** Small bodies may expand to this size, regardless of the ratio. */
const ALWAYS_DECODED = 256 << 10;
/** RFC 9659: a zstd content coding must not need a window above 8 MiB. Four times that is tolerated. */
const MAX_ZSTD_WINDOW = 32 << 20;
/** Codings stacked on one body; more than two do not occur in practice. */
const MAX_STACK = 2;

export type Unpacked =
  | { readonly kind: "bytes"; readonly bytes: Buffer; readonly truncated: boolean }
  | { readonly kind: "failed"; readonly reason: string };

/** The codings, in the order they were applied (RFC 9110 §8.4). */
export function contentCodings(fields: Fields): readonly string[] {
  return fieldTokens(fields, "content-encoding").filter((coding) => coding !== "identity");
}

/** Limit for the total expansion of `length` bytes, including stacked or concatenated codings. */
export function decodedBound(length: number): number {
  return Math.min(MAX_DECODED, mayUnpackTo(length));
}

/** Limit that `length` bytes only exceed if they are a decompression bomb. */
export function mayUnpackTo(length: number): number {
  return Math.max(ALWAYS_DECODED, length * MAX_RATIO);
}

/**
 * Decodes the codings, last one first, up to `bound` bytes. Truncated input yields what could be decoded of it.
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

/** By their names in `Content-Encoding` (RFC 9110 §8.4.1, and others seen in practice). */
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

/** `deflate` should be zlib (RFC 9110 §8.4.1.2), but raw deflate is sent as well. The zlib header has a checksum. */
export function isZlib(bytes: Buffer): boolean {
  return bytes.length >= 2 && (bytes[0]! & 0x0f) === 8 && bytes.readUInt16BE(0) % 31 === 0;
}

/**
 * Node's decoders return nothing when the output exceeds its limit. To still read the start of a large body, shorter
 * and shorter prefixes of the input are tried.
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
    // `final` is never set: truncated input would throw instead of yielding what is there.
    decoder.push(bytes);
  } catch (error) {
    if (!(error instanceof Enough) && length === 0) return { kind: "failed", reason: "corrupt_zstd" };
    return { kind: "bytes", bytes: Buffer.concat(chunks), truncated: true };
  }
  return { kind: "bytes", bytes: Buffer.concat(chunks), truncated: false };
}
