/** Compresses a closed file. Whenever a crash comes, each event is there exactly once. */

import { Buffer } from "node:buffer";
import { createHash, type Hash, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliCompress, createBrotliDecompress, constants as zlib } from "node:zlib";
import { compressedName } from "./traces-folder.js";

/**
 * Measured with 64 MB of an agent's calls, each of which repeats the conversation so far in some 1 MB (processor time,
 * size, memory): quality 2: 0.8 s, 0.18 MB; 5: 0.8 s, 0.16 MB, 116 MB; 6: 1.1 s, 0.16 MB. Windows above 2^24 are
 * 1 to 7 % smaller, take twice the memory on both sides, and the `brotli` command reads them with a flag only.
 */
const QUALITY = 5;
const WINDOW_BITS = 24;
const CHUNK = 256 << 10;

/** Points between which a crash may come: tests stop here. */
export type CompressionStep = "begun" | "some" | "written" | "synced" | "verified" | "placed" | "removed";

export interface CompressOptions {
  readonly signal?: AbortSignal;
  readonly onStep?: (step: CompressionStep) => void;
}

/** A numbered plain file. */
export interface ClosedFile {
  readonly date: string;
  readonly number: number;
  readonly path: string;
}

/** Names of temporary files, none of which readers open. */
export const UNFINISHED = /^\.traces_.*\.jsonl\.br\.[0-9a-f-]{36}$/;

/**
 * Writes the compressed form to a temporary file, verifies it, renames it, and only then removes the plain one. If the
 * plain file has grown meanwhile it stays, readers prefer it, and the next run compresses it again.
 */
export async function compressFile(
  file: ClosedFile,
  { signal, onStep = () => {} }: CompressOptions = {},
): Promise<void> {
  const folder = dirname(file.path);
  const name = compressedName(file.date, file.number);
  const unfinished = join(folder, `.${name}.${randomUUID()}`);
  const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
  const source = await open(file.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const before = await source.stat();
    if (!before.isFile()) throw new Error(`${file.path} is not a regular file`);
    if (before.size === 0) return await unlink(file.path);
    const target = await open(unfinished, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      onStep("begun");
      const written = await compress(source, before.size, target, onStep, signal);
      onStep("written");
      // The process's own group only marks its connections, so the file takes the group of the plain one.
      await target.chown(-1, before.gid).catch(() => {});
      await target.utimes(before.atime, before.mtime);
      await target.sync();
      onStep("synced");
      if ((await hashOfDecompressed(target, signal)) !== written) {
        throw new Error(`the compressed form of ${file.path} differs from the file`);
      }
      onStep("verified");
      await rename(unfinished, join(folder, name));
      await syncFolder(folder);
    } catch (error) {
      await unlink(unfinished).catch(() => {}); // it may have been renamed already
      throw error;
    } finally {
      await target.close();
    }
    onStep("placed");
    const now = await lstat(file.path);
    if (now.ino !== before.ino || now.size !== before.size) return;
    await unlink(file.path);
    onStep("removed");
    await syncFolder(folder);
  } finally {
    await source.close();
  }
}

/** Resolves to the hash of the uncompressed bytes. */
async function compress(
  source: FileHandle,
  size: number,
  target: FileHandle,
  onStep: (step: CompressionStep) => void,
  signal: AbortSignal | undefined,
): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(
    hashed(bytesOf(source, size), hash, () => onStep("some")),
    createBrotliCompress({
      chunkSize: CHUNK,
      params: {
        [zlib.BROTLI_PARAM_QUALITY]: QUALITY,
        [zlib.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
        [zlib.BROTLI_PARAM_SIZE_HINT]: size,
      },
    }),
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) await target.writeFile(chunk);
    },
    { signal: signal ?? new AbortController().signal },
  );
  return hash.digest("hex");
}

/** Not a stream of the file handle: in Node 20, one with `autoClose: false` never emits its end. */
async function* bytesOf(file: FileHandle, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; ) {
    const { buffer, bytesRead } = await file.read(
      Buffer.allocUnsafe(CHUNK),
      0,
      Math.min(CHUNK, size - at),
      at,
    );
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function* hashed(chunks: AsyncIterable<Buffer>, hash: Hash, seen: () => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
    seen();
  }
}

async function hashOfDecompressed(target: FileHandle, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(
    bytesOf(target, (await target.stat()).size),
    createBrotliDecompress({ chunkSize: CHUNK }),
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) hash.update(chunk);
    },
    { signal: signal ?? new AbortController().signal },
  );
  return hash.digest("hex");
}

/** A rename is durable only after the folder is synced. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
