/** Cache of the last fetched bundle, as published, with its URL. */

import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder } from "../make-folder.js";
import { isRecord, MAX_BUNDLE_BYTES } from "./document.js";

export interface CachedDocument {
  readonly url: string;
  readonly etag?: string;
  /** When the server last confirmed it as current; epoch ms. */
  readonly loadedAt: number;
  readonly document: string;
}

export function cachePath(home: string): string {
  return join(home, "bundle-cache.json");
}

/** Undefined when there is nothing usable for this URL: a missing or corrupt cache is not an error. */
export async function readCache(home: string, url: string): Promise<CachedDocument | undefined> {
  try {
    const path = cachePath(home);
    const status = await stat(path);
    if (!status.isFile() || status.size > 2 * MAX_BUNDLE_BYTES) return undefined;
    const cached: unknown = JSON.parse(await readFile(path, "utf8"));
    if (!isRecord(cached) || cached.url !== url) return undefined;
    const { etag, loadedAt, document } = cached;
    if (typeof loadedAt !== "number" || typeof document !== "string") return undefined;
    return { url, loadedAt, document, ...(typeof etag === "string" && { etag }) };
  } catch {
    return undefined;
  }
}

/** Atomic: writes a temporary file and renames it. */
export async function writeCache(home: string, cached: CachedDocument): Promise<void> {
  const path = cachePath(home);
  const beside = `${path}.${randomUUID()}`;
  makeFolder(dirname(path));
  try {
    const file = await open(beside, "wx", 0o600);
    try {
      await file.writeFile(JSON.stringify(cached));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}
