/** The lines of an event file, plain or compressed, in constant memory. */

import { Buffer } from "node:buffer";
import { constants, existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream";
import { createBrotliDecompress } from "node:zlib";
import { compressedName, type TracesFile } from "../sinks/traces-folder.js";

const NEWLINE = 0x0a;
const CHUNK = 256 << 10;
/** Bodies are limited by `--max-body`, so a longer line is not one of our events and is skipped. */
export const MAX_LINE = 128 << 20;

/** Splits incoming bytes into lines. */
export class LineSplitter {
  private begun: Buffer[] = [];
  private begunLength = 0;

  constructor(private readonly maxLine = MAX_LINE) {}

  /** The lines that end in `chunk`, without newlines. They share its memory: it must not be reused. */
  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = this.ended(chunk.subarray(start, end));
      if (line !== undefined) lines.push(line);
      start = end + 1;
    }
    this.keep(chunk.subarray(start));
    return lines;
  }

  /** Bytes after the last newline. */
  get begunBytes(): number {
    return this.begunLength;
  }

  /** The text after the last newline; undefined for a file that ends with one. */
  rest(): Buffer | undefined {
    const rest = this.ended(Buffer.alloc(0));
    return rest?.length === 0 ? undefined : rest;
  }

  private keep(piece: Buffer): void {
    if (piece.length === 0) return;
    this.begunLength += piece.length;
    if (this.begunLength > this.maxLine) this.begun = [];
    else this.begun.push(piece);
  }

  private ended(piece: Buffer): Buffer | undefined {
    this.keep(piece);
    const line = this.begunLength > this.maxLine ? undefined : joined(this.begun);
    this.begun = [];
    this.begunLength = 0;
    return line;
  }
}

function joined(pieces: readonly Buffer[]): Buffer {
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

/** The lines of a file, in batches. Rejects with errors of the system or zlib; a removed file has no lines. */
export async function* linesOf(file: TracesFile): AsyncGenerator<Buffer[]> {
  const splitter = new LineSplitter();
  try {
    for await (const chunk of await bytesOf(file)) yield splitter.push(chunk as Buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    // Between listing and opening it was compressed, or removed by retention.
    const compressed = compressedOf(file);
    if (compressed !== undefined) yield* linesOf(compressed);
    return;
  }
  const rest = splitter.rest();
  if (rest !== undefined) yield [rest];
}

/** The decompressed bytes of a file from an offset on. */
export async function bytesOf({ path, form }: TracesFile, start = 0): Promise<AsyncIterable<unknown>> {
  // Does not block if the path is a pipe.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const bytes = file.createReadStream({ highWaterMark: CHUNK, ...(form === "plain" && { start }) });
  if (form === "plain") return bytes;
  const plain = createBrotliDecompress({ chunkSize: CHUNK });
  pipeline(bytes, plain, () => {}); // errors are emitted by `plain`
  return start === 0 ? plain : without(plain, start);
}

async function* without(chunks: AsyncIterable<unknown>, start: number): AsyncGenerator<Buffer> {
  let left = start;
  for await (const chunk of chunks as AsyncIterable<Buffer>) {
    if (left < chunk.length) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

function compressedOf({ date, number, form, path }: TracesFile): TracesFile | undefined {
  if (form === "compressed" || number === undefined) return undefined;
  const compressed = join(dirname(path), compressedName(date, number));
  return existsSync(compressed) ? { date, number, form: "compressed", path: compressed } : undefined;
}
