import fs from "node:fs";
import { LruCache } from "../lru-cache.js";
import { executableOf, isNamedLikeTls, type MappedFile, mappedFiles, startTimeOf } from "./mapped-files.js";
import { mountsOf, whyNotOpened } from "./mounts.js";
import { type Lane, SearchQueue } from "./search-queue.js";
import { type KnownFile, nameOf, type Search, SearchedFiles } from "./searched-files.js";
import type { Site } from "./site.js";
import { SiteCache } from "./site-cache.js";
import { type FileUser, searchPath } from "./sites.js";

/** A file of a process, with the sites in it. */
export interface StackFile {
  /** Identifies the file during the finder's lifetime. */
  readonly key: string;
  readonly sites: readonly Site[];
  /** Owned by the finder: valid in this turn of the event loop; do not close it. /proc/self/fd/N refers to the file. */
  readonly fd: number;
  /** Opens it again, for callers that keep it longer and close it. Throws when the finder has closed the file. */
  openFile(): number;
}

export type Stacks =
  | {
      readonly kind: "known";
      readonly files: readonly StackFile[];
      /** Other files of the process are being searched: resolves to the updated result when that is done. */
      readonly more?: Promise<Stacks>;
    }
  /** `done` resolves as soon as one file has sites, or all are known to have none. Never rejects. */
  | { readonly kind: "searching"; readonly done: Promise<Stacks> }
  | { readonly kind: "none"; readonly reason: string };

export interface StackFinderOptions {
  readonly cache?: SiteCache;
  /** Searches one file; replaced in tests. */
  readonly search?: Search;
  /** Called for non-fatal errors, such as a cache that cannot be written. */
  readonly onProblem?: (problem: string) => void;
}

const NO_STACK = "no TLS stack that is known";
const ENDED: Stacks = { kind: "none", reason: "the process has ended" };
const MOST_PROCESSES = 4096;
/** Libraries can be loaded late (Python), so a process is examined again for later connections. */
const LOOK_AGAIN_MS = 1000;
const SAVE_AFTER_MS = 2000;
const AT_ONCE = 2;
/** Searches ahead of time run at low priority. */
const AHEAD_TIMEOUT_MS = 60_000;
const MOST_PATHS_AHEAD = 256;

interface SeenProcess {
  readonly executable: string;
  readonly mapped: readonly MappedFile[];
  readonly at: number;
}

interface Pending {
  readonly found: Promise<KnownFile>;
  hurry(): void;
}

/**
 * Finds the sites where the TLS secrets of a process can be copied. Known files are answered immediately from memory;
 * unknown ones are searched in the background, the executable first, and eventually every mapped file, because
 * BoringSSL is also found in Python extensions whose names do not suggest it. Needs root.
 */
export class StackFinder {
  private readonly files: SearchedFiles;
  private readonly cache: SiteCache;
  private readonly queue = new SearchQueue(AT_ONCE);
  private readonly pending = new Map<string, Pending>();
  private readonly processes = new LruCache<string, SeenProcess>(MOST_PROCESSES);
  private readonly ahead = new LruCache<string, Promise<void>>(MOST_PATHS_AHEAD);
  private readonly onProblem: (problem: string) => void;
  private mounts: { readonly devices: ReadonlyMap<string, string>; readonly at: number } | undefined;
  private saving: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(options: StackFinderOptions = {}) {
    this.cache = options.cache ?? SiteCache.inMemory();
    this.files = new SearchedFiles(this.cache, options.search);
    this.onProblem = options.onProblem ?? (() => {});
  }

  /**
   * The sites in the files a process has mapped now. `startTime`: clock ticks since boot, as in ProcessInfo; guards
   * against a reused pid. Reads its mappings at most once, 0.1 to 1 ms.
   */
  sitesOf(pid: number, startTime: number): Stacks {
    const name = `${pid} ${startTime}`;
    const seen = this.processes.peek(name);
    // After exec(2) pid and start time are the same, but the executable is not.
    if (seen && performance.now() - seen.at < LOOK_AGAIN_MS && seen.executable === executableOf(pid)) {
      const stacks = this.stacks(pid, seen.mapped);
      if (stacks.kind === "known") return stacks;
    }
    const found = mappedFiles(pid);
    if (found === undefined) return ENDED;
    const stacks = this.lookAt(pid, found.files, found.executable);
    // Checked last: then everything read and opened before belonged to this process.
    if (startTimeOf(pid) !== startTime) return ENDED;
    this.processes.set(name, { executable: found.executable, mapped: found.files, at: performance.now() });
    return stacks;
  }

  /**
   * Searches a program before it runs, with low priority and the permissions of its user. Once per path. Never rejects.
   */
  searchAhead(path: string, user: FileUser): Promise<void> {
    const begun = this.ahead.get(path);
    if (begun !== undefined) return begun;
    const done = new Promise<void>((resolve) => {
      this.queue.add(() => this.searchPath(path, user).finally(resolve), "other");
    });
    this.ahead.set(path, done);
    return done;
  }

  /** Closes all files and saves the cache. */
  close(): void {
    this.closed = true;
    this.save();
    this.files.close();
  }

  private lookAt(pid: number, mapped: readonly MappedFile[], executable: string): Stacks {
    const whyNot = this.refusals(pid);
    for (const file of mapped) {
      if (this.files.known(file) !== undefined || whyNot(file) !== undefined) continue;
      const isLikely = file.path === executable || isNamedLikeTls(file);
      // Opening takes about 20 µs: for the hundred others it is done in the background.
      if (isLikely && this.files.recall(pid, file) !== undefined) continue;
      this.search(pid, file, isLikely ? "urgent" : "other");
    }
    return this.stacks(pid, mapped);
  }

  /** The files known by now, and the pending searches. */
  private stacks(pid: number, mapped: readonly MappedFile[]): Stacks {
    const files: StackFile[] = [];
    const searches: Promise<KnownFile>[] = [];
    const whyNot = this.refusals(pid);
    let reason: string | undefined;
    for (const file of mapped) {
      const known = this.files.known(file);
      const pending = known === undefined ? this.pending.get(nameOf(file)) : undefined;
      if (known?.kind === "found") files.push(stackFile(nameOf(file), known.fd, known.sites));
      else if (pending !== undefined) searches.push(pending.found);
      else {
        const why = known?.reason ?? whyNot(file) ?? NO_STACK;
        if (reason === undefined || reason === NO_STACK) reason = why;
      }
    }
    const next = (): Promise<Stacks> => this.whenKnown(pid, mapped, searches, files.length > 0);
    if (files.length > 0) return { kind: "known", files, ...(searches.length > 0 && { more: next() }) };
    if (searches.length > 0) return { kind: "searching", done: next() };
    return { kind: "none", reason: reason ?? NO_STACK };
  }

  private async whenKnown(
    pid: number,
    mapped: readonly MappedFile[],
    searches: readonly Promise<KnownFile>[],
    all: boolean,
  ): Promise<Stacks> {
    if (all) await Promise.all(searches);
    else await firstWithSites(searches);
    if (this.closed) return { kind: "none", reason: "the search was cancelled" };
    return this.stacks(pid, mapped);
  }

  private search(pid: number, file: MappedFile, lane: Lane): void {
    const name = nameOf(file);
    const begun = this.pending.get(name);
    if (begun !== undefined) {
      if (lane === "urgent") begun.hurry();
      return;
    }
    let settle: (found: KnownFile) => void = () => {};
    const found = new Promise<KnownFile>((resolve) => {
      settle = resolve;
    });
    const start = async (from: Lane): Promise<void> => {
      let known: KnownFile;
      try {
        known = this.closed
          ? { kind: "none", reason: "the search was cancelled" }
          : await this.files.searched(pid, file, from);
      } catch (error) {
        known = { kind: "none", reason: error instanceof Error ? error.message : String(error) };
        this.onProblem(known.reason);
      }
      this.pending.delete(name);
      settle(known);
      this.saveSoon();
    };
    let entry: { hurry(): void } | undefined;
    // Before it is queued: it may start, and finish, before add() returns.
    this.pending.set(name, { found, hurry: () => entry?.hurry() });
    entry = this.queue.add(start, lane);
  }

  private async searchPath(path: string, user: FileUser): Promise<void> {
    try {
      const { file, result } = await searchPath(path, user, { timeoutMs: AHEAD_TIMEOUT_MS, priority: 10 });
      // `none` is only trusted for files that root has opened: this answer comes with its own file key.
      if (file !== undefined && result.kind === "found") this.cache.keep(file, result);
      this.saveSoon();
    } catch (error) {
      this.onProblem(error instanceof Error ? error.message : String(error));
    }
  }

  /** Why a file of the process must not be opened. The process's mounts are read once, when ours lack the device. */
  private refusals(pid: number): (file: MappedFile) => string | undefined {
    let theirs: ReadonlyMap<string, string> | undefined;
    return ({ device }) => {
      const ours = this.ourMounts(device);
      if (!ours.has(device)) theirs ??= mountsOf(pid);
      return whyNotOpened(device, ours, theirs ?? ours);
    };
  }

  /** Reread at most once a second, when a device is missing. */
  private ourMounts(device: string): ReadonlyMap<string, string> {
    const now = performance.now();
    if (
      this.mounts === undefined ||
      (!this.mounts.devices.has(device) && now - this.mounts.at > LOOK_AGAIN_MS)
    ) {
      this.mounts = { devices: mountsOf("self"), at: now };
    }
    return this.mounts.devices;
  }

  private saveSoon(): void {
    if (this.closed || this.saving !== undefined) return;
    this.saving = setTimeout(() => this.save(), SAVE_AFTER_MS).unref();
  }

  private save(): void {
    clearTimeout(this.saving);
    this.saving = undefined;
    try {
      this.cache.save();
    } catch (error) {
      this.onProblem(
        `the cache of searched programs could not be saved: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}

/** Resolves when the first one has sites, or all have finished. */
function firstWithSites(searches: readonly Promise<KnownFile>[]): Promise<void> {
  return new Promise((resolve) => {
    let left = searches.length;
    for (const search of searches) {
      void search.then(({ kind }) => {
        left--;
        if (kind === "found" || left === 0) resolve();
      });
    }
  });
}

const stackFile = (key: string, fd: number, sites: readonly Site[]): StackFile => ({
  key,
  fd,
  sites,
  openFile: () => fs.openSync(`/proc/self/fd/${fd}`, "r"),
});
