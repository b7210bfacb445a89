/** Lines of event files with their offsets, so that one can be read again without the rest of its file. */

import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { TracesFile } from "../sinks/traces-folder.js";
import { bytesOf, LineSplitter } from "./lines.js";

export interface PlacedLine {
  /** Without the newline. Shares memory with others, so do not keep it. */
  readonly line: Buffer;
  /** Offset of its first byte in the plain form of the file. */
  readonly at: number;
}

/** Start of the first line at or after `offset` of a plain file; the end of the file if there is none. */
export async function lineStart(path: string, offset: number): Promise<number> {
  if (offset <= 0) return 0;
  let at = offset - 1;
  const file = { form: "plain", path, date: "" } as const;
  for await (const bytes of await bytesOf(file, at)) {
    const end = (bytes as Buffer).indexOf("\n");
    if (end >= 0) return at + end + 1;
    at += (bytes as Buffer).length;
  }
  return at;
}

export type Place = Pick<PlacedLine, "at"> & { readonly length: number };

/**
 * The complete lines of a file from `start` on, in batches; an unfinished last line is left out. `start` must be the
 * start of a line. Rejects with errors of the system or zlib.
 */
export async function* placedLinesOf(file: TracesFile, start = 0): AsyncGenerator<PlacedLine[]> {
  const splitter = new LineSplitter();
  const isPlain = file.form === "plain";
  let offset = isPlain ? start : 0;
  for await (const bytes of await bytesOf(file, offset)) {
    const chunk = bytes as Buffer;
    offset += chunk.length;
    const lines = splitter.push(chunk);
    // Backwards: the splitter drops a line that is too long, which can only be the first to end in this chunk.
    let end = offset - splitter.begunBytes;
    const placed = lines.reverse().map((line) => {
      const at = end - 1 - line.length;
      end = at;
      return { line, at };
    });
    yield placed.reverse().filter(({ at }) => at >= start);
  }
}

/**
 * The lines at the given places, which must be in file order. Of a plain file nothing else is read.
 */
export async function* linesAt(file: TracesFile, places: readonly Place[]): AsyncGenerator<Buffer> {
  if (file.form === "plain") yield* linesOfPlain(file.path, places);
  else yield* linesOfCompressed(file, places);
}

async function* linesOfPlain(path: string, places: readonly Place[]): AsyncGenerator<Buffer> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    for (const { at, length } of places) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file?.close();
  }
}

async function* linesOfCompressed(file: TracesFile, places: readonly Place[]): AsyncGenerator<Buffer> {
  const wanted = new Set(places.map(({ at }) => at));
  if (wanted.size === 0) return;
  for await (const lines of placedLinesOf(file)) {
    for (const { line, at } of lines) {
      if (!wanted.delete(at)) continue;
      yield line;
      if (wanted.size === 0) return;
    }
  }
}
