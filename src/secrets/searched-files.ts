import fs from "node:fs";
import { LruCache } from "../lru-cache.js";
import { keyOfStatus } from "./file-key.js";
import { type MappedFile, openMapped } from "./mapped-files.js";
import { sitesAddon } from "./native.js";
import type { Lane } from "./search-queue.js";
import type { ProvenSite, SitesOfFile } from "./site.js";
import type { KeptSites, SiteCache } from "./site-cache.js";
import { searchSites } from "./sites.js";

/** A file with sites. Open, so that its inode cannot become another file's. */
export interface OpenFile {
  readonly kind: "found";
  readonly fd: number;
  readonly sites: readonly ProvenSite[];
}

export type KnownFile = OpenFile | { readonly kind: "none"; readonly reason: string };

/** What searches one file; in tests something else. */
export type Search = (fd: number, lane: Lane) => Promise<SitesOfFile>;

const MOST_OPEN = 256;
const MOST_NONE = 16_384;
/** How long a file that had none is not opened again. Its inode may be another file's by then. */
const NONE_STAYS_MS = 10 * 60_000;
export const SEARCH_TIMEOUT_MS = 20_000;

/** By whom the content was written: nobody but root, who is not the root of a container of some user. */
const isRootsOwn = (status: fs.BigIntStats): boolean => status.uid === 0n && (status.mode & 0o022n) === 0n;

/**
 * What is known of the files that processes run, by device and inode as /proc/PID/maps has them. Those with sites stay
 * open; the others are not even opened again.
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

  /** What is known without a look at the file. */
  known(file: MappedFile): KnownFile | undefined {
    const name = nameOf(file);
    const open = this.open.get(name);
    if (open !== undefined) return this.isUnchanged(open) ? this.used(name, open) : this.forget(name, open);
    const none = this.none.get(name);
    return none !== undefined && none.until > performance.now()
      ? { kind: "none", reason: none.reason }
      : undefined;
  }

  /** The same after a look at the file and what is kept of it on disk; undefined when it has to be searched. */
  recall(pid: number, file: MappedFile): KnownFile | undefined {
    return this.opened(pid, file, (fd, status) => {
      const kept = this.cache.byKey(keyOfStatus(status)) ?? this.byBuildId(fd, status);
      return kept && this.holds(fd, kept) ? this.keep(file, fd, status, kept) : undefined;
    });
  }

  /** Searches a file. When that did not work, nothing is kept and the reason is told. */
  async searched(pid: number, file: MappedFile, lane: Lane): Promise<KnownFile> {
    const before = this.known(file) ?? this.recall(pid, file);
    if (before !== undefined) return before;
    let fd: number;
    try {
      fd = openMapped(pid, file);
    } catch {
      return { kind: "none", reason: "not mapped any more" };
    }
    let answer: KnownFile | undefined;
    try {
      const status = fs.fstatSync(fd, { bigint: true });
      const found = await this.search(fd, lane);
      if (found.kind === "failed") return this.keepNone(file, found.reason);
      // Written to meanwhile: what was found may be of neither content.
      if (keyOfStatus(fs.fstatSync(fd, { bigint: true })) !== keyOfStatus(status))
        return { kind: "none", reason: "it was being changed" };
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
      return undefined; // not mapped any more
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
    if (this.closed) return { kind: "none", reason: "the search was given up" };
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

  /** Also of a search that failed, so that it is not begun again for every connection. */
  private keepNone(file: MappedFile, reason: string): KnownFile {
    this.none.set(nameOf(file), { reason, until: performance.now() + NONE_STAYS_MS });
    return { kind: "none", reason };
  }

  private used<T extends OpenFile & { status: fs.BigIntStats }>(name: string, open: T): T {
    this.open.delete(name);
    this.open.set(name, open);
    return open;
  }

  /** A file that is only removed or renamed keeps its content; one that is written to need not. */
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

/** By what a mapped file is known here. */
export const nameOf = (file: MappedFile): string => `${file.device} ${file.inode} ${file.path}`;
