import fs from "node:fs";
import path from "node:path";
import { LruCache } from "../lru-cache.js";
import { makeFolder } from "../make-folder.js";
import { type FileKey, isFileKey } from "./file-key.js";
import { areProvenSites, isReason } from "./search-answer.js";
import type { SitesOfFile } from "./site.js";

/** Cacheable results: successful searches, with or without sites. */
export type KeptSites = Exclude<SitesOfFile, { kind: "failed" }>;

export const SITE_CACHE_FILE = "/var/lib/oximy/sites.json";

/** Incremented when the search finds more or other sites than before, which invalidates older entries. */
const VERSION = 1;
const MOST_FILES = 8192;
const MOST_BUILDS = 2048;
const LARGEST = 8 * 1024 * 1024;
const BUILD_ID = /^[0-9a-f]{16,128}$/;

/**
 * Remembers across restarts which sites a file has, or that it has none. By the file's key; and by its build id, for
 * copies of the same library in containers, where the caller guarantees that only root could have written the id.
 *
 * Cached sites are verified against the file before use, like those of the search.
 */
export class SiteCache {
  private readonly files = new LruCache<FileKey, KeptSites>(MOST_FILES);
  private readonly builds = new LruCache<string, KeptSites>(MOST_BUILDS);
  private changed = false;

  private constructor(private readonly file: string | undefined) {}

  /** Not persisted. */
  static inMemory(): SiteCache {
    return new SiteCache(undefined);
  }

  /** Loads the file if it is intact and only we can have written it; otherwise starts empty. Never throws. */
  static at(file: string = SITE_CACHE_FILE): SiteCache {
    const cache = new SiteCache(file);
    try {
      cache.load(JSON.parse(readOwn(file)));
    } catch {
      // Missing, truncated, or not ours: everything is searched again, which takes seconds.
    }
    return cache;
  }

  byKey(key: FileKey): KeptSites | undefined {
    return this.files.get(key);
  }

  byBuildId(buildId: string): KeptSites | undefined {
    return this.builds.get(buildId);
  }

  keep(key: FileKey, sites: KeptSites): void {
    this.files.set(key, sites);
    this.changed = true;
  }

  keepBuild(buildId: string, sites: KeptSites): void {
    this.builds.set(buildId, sites);
    this.changed = true;
  }

  /** Writes changes atomically. Throws the error of the file system. */
  save(): void {
    if (this.file === undefined || !this.changed) return;
    const text = JSON.stringify({
      version: VERSION,
      files: entriesOf(this.files, (key) => this.files.peek(key)),
      builds: entriesOf(this.builds, (id) => this.builds.peek(id)),
    });
    const folder = path.dirname(this.file);
    makeFolder(folder);
    const temporary = `${this.file}.${process.pid}`;
    fs.rmSync(temporary, { force: true });
    fs.writeFileSync(temporary, text, { mode: 0o600, flag: "wx" });
    fs.renameSync(temporary, this.file);
    this.changed = false;
  }

  private load(content: unknown): void {
    if (typeof content !== "object" || content === null) return;
    const { version, files, builds } = content as Record<string, unknown>;
    if (version !== VERSION) return;
    for (const [key, sites] of entriesFrom(files, isFileKey)) this.files.set(key, sites);
    for (const [id, sites] of entriesFrom(builds, (text) => BUILD_ID.test(text))) this.builds.set(id, sites);
  }
}

/** Oldest first, so that loading them restores the order. */
function entriesOf(cache: LruCache<string, KeptSites>, get: (key: string) => KeptSites | undefined) {
  return cache
    .recentKeys()
    .reverse()
    .map((key) => [key, get(key)]);
}

function* entriesFrom(list: unknown, isKey: (text: string) => boolean): Generator<[string, KeptSites]> {
  if (!Array.isArray(list)) return;
  for (const entry of list) {
    if (!Array.isArray(entry)) continue;
    const [key, value]: unknown[] = entry;
    const sites = keptSites(value);
    if (typeof key === "string" && isKey(key) && sites !== undefined) yield [key, sites];
  }
}

function keptSites(value: unknown): KeptSites | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { kind, sites, reason } = value as Record<string, unknown>;
  if (kind === "found" && areProvenSites(sites)) return { kind, sites };
  if (kind === "none" && isReason(reason)) return { kind, reason };
  return undefined;
}

/** Reads a file that only we can have written. */
function readOwn(file: string): string {
  const fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  try {
    const status = fs.fstatSync(fd);
    const isOurs = status.isFile() && status.uid === process.geteuid?.() && (status.mode & 0o022) === 0;
    if (!isOurs || status.size > LARGEST) throw new Error(`not our own file: ${file}`);
    return fs.readFileSync(fd, "utf8");
  } finally {
    fs.closeSync(fd);
  }
}
