import fs from "node:fs";
import { LruCache } from "../lru-cache.js";
import { keyOfStatus } from "./file-key.js";
import { type MappedFile, openMapped } from "./mapped-files.js";
import { sitesAddon } from "./native.js";
import type { Lane } from "./search-queue.js";
import type { ProvenSite, SitesOfFile } from "./site.js";
import type { KeptSites, SiteCache } from "./site-cache.js";
import { searchSites } from "./sites.js";

/** A file with sites, kept open so that its inode is not reused. */
export interface OpenFile {
  readonly kind: "found";
  readonly fd: number;
  readonly sites: readonly ProvenSite[];
}

export type KnownFile = OpenFile | { readonly kind: "none"; readonly reason: string };

/** Searches one file; replaced in tests. */
export type Search = (fd: number, lane: Lane) => Promise<SitesOfFile>;

const MOST_OPEN = 256;
const MOST_NONE = 16_384;
/** How long a file without sites is not opened again. Later, its inode may belong to another file. */
const NONE_STAYS_MS = 10 * 60_000;
export const SEARCH_TIMEOUT_MS = 20_000;

/** Whether only root can have written the content: real root, not the root of a user's container. */
const isRootsOwn = (status: fs.BigIntStats): boolean => status.uid === 0n && (status.mode & 0o022n) === 0n;

/**
 * Results for the files that processes run, keyed by device and inode from /proc/PID/maps. Files with sites stay open;
 * the others are not opened again.
 */
export class SearchedFiles {
  private readonly open = new Map<string, OpenFile & { readonly status: fs.BigIntStats }>();
  private readonly none = new LruCache<string, { readonly reason: string; readonly until: number }>(
    MOST_NONE,
  );

  private closed = false;

  constructor(
    private readonly cache: SiteCache,
    private readonly search: Search = (fd, lane) =>
      searchSites(fd, { timeoutMs: SEARCH_TIMEOUT_MS, ...(lane === "other" && { priority: 0 }) }),
    private readonly machine: string = process.arch,
  ) {}

  /** The result in memory, without opening the file. */
  known(file: MappedFile): KnownFile | undefined {
    const name = nameOf(file);
    const open = this.open.get(name);
    if (open !== undefined) return this.isUnchanged(open) ? this.used(name, open) : this.forget(name, open);
    const none = this.none.get(name);
    return none !== undefined && none.until > performance.now()
      ? { kind: "none", reason: none.reason }
      : undefined;
  }

  /** Opens the file and looks it up in the cache; undefined when it must be searched. */
  recall(pid: number, file: MappedFile): KnownFile | undefined {
    return this.opened(pid, file, (fd, status) => {
      const kept = this.cache.byKey(keyOfStatus(status)) ?? this.byBuildId(fd, status);
      return kept && this.holds(fd, kept) ? this.keep(file, fd, status, kept) : undefined;
    });
  }

  /**
   * Searches a file, unless its result is known. A failed search resolves to `none` with the reason, and is not cached
   * on disk.
   */
  async searched(pid: number, file: MappedFile, lane: Lane): Promise<KnownFile> {
    const before = this.known(file) ?? this.recall(pid, file);
    if (before !== undefined) return before;
    let fd: number;
    try {
      fd = openMapped(pid, file);
    } catch {
      return { kind: "none", reason: "no longer mapped" };
    }
    let answer: KnownFile | undefined;
    try {
      const status = fs.fstatSync(fd, { bigint: true });
      const found = await this.search(fd, lane);
      if (found.kind === "failed") return this.keepNone(file, found.reason);
      // Written to meanwhile: the result may match neither the old nor the new content.
      if (keyOfStatus(fs.fstatSync(fd, { bigint: true })) !== keyOfStatus(status))
        return { kind: "none", reason: "the file was being modified" };
      this.cache.keep(keyOfStatus(status), found);
      const buildId = isRootsOwn(status) ? sitesAddon().buildId(fd) : null;
      if (buildId !== null) this.cache.keepBuild(buildId, found);
      answer = this.keep(file, fd, status, found);
      return answer;
    } finally {
      if (answer?.kind !== "found" || answer.fd !== fd) fs.closeSync(fd);
    }
  }

  close(): void {
    this.closed = true;
    for (const { fd } of this.open.values()) fs.closeSync(fd);
    this.open.clear();
    this.none.clear();
  }

  private opened(
    pid: number,
    file: MappedFile,
    look: (fd: number, status: fs.BigIntStats) => KnownFile | undefined,
  ): KnownFile | undefined {
    let fd: number;
    try {
      fd = openMapped(pid, file);
    } catch {
      return undefined; // no longer mapped
    }
    const answer = look(fd, fs.fstatSync(fd, { bigint: true }));
    if (answer?.kind !== "found" || answer.fd !== fd) fs.closeSync(fd);
    return answer;
  }

  private byBuildId(fd: number, status: fs.BigIntStats): KeptSites | undefined {
    if (!isRootsOwn(status)) return undefined;
    const buildId = sitesAddon().buildId(fd);
    return buildId === null ? undefined : this.cache.byBuildId(buildId);
  }

  private holds(fd: number, kept: KeptSites): boolean {
    return (
      kept.kind === "none" ||
      sitesAddon()
        .checkSites(fd, this.machine, kept.sites)
        .every((holds) => holds)
    );
  }

  private keep(file: MappedFile, fd: number, status: fs.BigIntStats, kept: KeptSites): KnownFile {
    const name = nameOf(file);
    if (kept.kind === "none") return this.keepNone(file, kept.reason);
    if (this.closed) return { kind: "none", reason: "the search was cancelled" };
    const known = this.open.get(name);
    if (known !== undefined) return known;
    const open = { kind: "found" as const, fd, sites: kept.sites, status };
    this.open.set(name, open);
    for (const [oldest, { fd: unused }] of this.open) {
      if (this.open.size <= MOST_OPEN) break;
      this.open.delete(oldest);
      fs.closeSync(unused);
    }
    return open;
  }

  /** Also for failed searches, so that they are not repeated for every connection. */
  private keepNone(file: MappedFile, reason: string): KnownFile {
    this.none.set(nameOf(file), { reason, until: performance.now() + NONE_STAYS_MS });
    return { kind: "none", reason };
  }

  private used<T extends OpenFile & { status: fs.BigIntStats }>(name: string, open: T): T {
    this.open.delete(name);
    this.open.set(name, open);
    return open;
  }

  /** Removing or renaming a file changes its ctime, but not its content. */
  private isUnchanged({ fd, status, sites }: OpenFile & { status: fs.BigIntStats }): boolean {
    const now = fs.fstatSync(fd, { bigint: true });
    if (now.ctimeNs === status.ctimeNs) return true;
    const isWritten = now.size !== status.size || now.mtimeNs !== status.mtimeNs;
    return !isWritten && this.holds(fd, { kind: "found", sites });
  }

  private forget(name: string, open: OpenFile): undefined {
    this.open.delete(name);
    fs.closeSync(open.fd);
    return undefined;
  }
}

/** Key of a mapped file. */
export const nameOf = (file: MappedFile): string => `${file.device} ${file.inode} ${file.path}`;
