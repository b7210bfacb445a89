/**
 * For the supervisor: answers the proxy whether a connection can be read, and sees to it that probes are where they are
 * needed. They are placed when a process first opens a wanted connection, and removed when no such process came for
 * long, so that programs that talk to no known host are left alone.
 */

import { closeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { SecretProbes } from "./probes.js";
import type { StackFile, StackFinder, Stacks } from "./stack.js";

export type WatchResult =
  /** Probes are in place: the secrets of the handshake will come, if its server answers. */
  { readonly state: "known" } | { readonly state: "none"; readonly reason: string };

export type WatchAnswer =
  | WatchResult
  /**
   * Probes are being placed (5 to 30 ms), or the program is searched for sites first (up to seconds). The secrets come
   * if the server's hello reaches the client after `ready` says "known". It never rejects.
   */
  | { readonly state: "searching"; readonly ready: Promise<WatchResult> };

/** Probes of a file that no process of a wanted connection has had mapped for so long are removed. */
export const UNUSED_MS = 10 * 60_000;

const SWEEP_MS = 60_000;

/** The server's answer is held for 150 ms at most: what is not searched by then is for later connections. */
const SEARCH_MS = 110;

export interface SecretServiceOptions {
  /** Stay the caller's to close. */
  readonly probes: Pick<SecretProbes, "attach" | "detach" | "want" | "unwant">;
  readonly finder: StackFinder;
  readonly unusedMs?: number;
  /** Milliseconds; never goes back. */
  readonly now?: () => number;
}

type FileState =
  | { readonly kind: "attaching"; readonly done: Promise<void> }
  | { readonly kind: "attached"; readonly handle: number }
  | { readonly kind: "refused"; readonly reason: string };

interface ProbedFile {
  state: FileState;
  usedAt: number;
}

export class SecretService {
  private readonly probes: SecretServiceOptions["probes"];
  private readonly finder: StackFinder;
  private readonly unusedMs: number;
  private readonly now: () => number;
  /** By key. */
  private readonly files = new Map<string, ProbedFile>();
  private readonly sweep: NodeJS.Timeout;
  private closed = false;

  constructor(options: SecretServiceOptions) {
    this.probes = options.probes;
    this.finder = options.finder;
    this.unusedMs = options.unusedMs ?? UNUSED_MS;
    this.now = options.now ?? (() => performance.now());
    this.sweep = setInterval(() => this.detachUnused(), SWEEP_MS).unref();
  }

  /**
   * The proxy named a connection of a process. `watchId` (u32) is the number that the frames of its secrets carry,
   * `random` the 32 bytes of its client hello. Secrets are forwarded until `unwatch`, or for ten seconds.
   */
  watch(watchId: number, pid: number, startTime: number, random: Uint8Array): WatchAnswer {
    const stacks = this.finder.sitesOf(pid, startTime);
    if (stacks.kind === "none") return { state: "none", reason: stacks.reason };
    // First, so that a handshake is wanted when its probe comes.
    if (!this.probes.want(watchId, pid, random)) {
      return { state: "none", reason: "too many handshakes at a time" };
    }
    const { now, settled } = this.use(stacks, sleep(SEARCH_MS, undefined, { ref: false }));
    if (now?.state === "none") this.probes.unwant(watchId);
    return now ?? { state: "searching", ready: this.unwantWithout(watchId, settled) };
  }

  /** The proxy has what it needs, or has no use for it. */
  unwatch(watchId: number): void {
    this.probes.unwant(watchId);
  }

  /** Removes the probes of files that were not used for long. Called every minute. */
  detachUnused(): void {
    const oldest = this.now() - this.unusedMs;
    for (const [key, { state, usedAt }] of this.files) {
      if (usedAt > oldest || state.kind === "attaching") continue;
      this.files.delete(key);
      if (state.kind === "attached") this.probes.detach(state.handle);
    }
  }

  /** Removes all of its probes. */
  close(): void {
    this.closed = true;
    clearInterval(this.sweep);
    for (const { state } of this.files.values()) {
      if (state.kind === "attached") this.probes.detach(state.handle);
    }
    this.files.clear();
  }

  private async unwantWithout(watchId: number, ready: Promise<WatchResult>): Promise<WatchResult> {
    const result = await ready;
    if (result.state === "none") this.probes.unwant(watchId);
    return result;
  }

  /**
   * Sees that the files have probes. `now` is absent while some are searched or are being placed. A program may have
   * several stacks (curl has OpenSSL's and GnuTLS'), so that all of its files are waited for, until `deadline`.
   */
  private use(stacks: Stacks, deadline: Promise<void>): { now?: WatchResult; settled: Promise<WatchResult> } {
    if (stacks.kind === "none") {
      const now: WatchResult = { state: "none", reason: stacks.reason };
      return { now, settled: Promise.resolve(now) };
    }
    if (stacks.kind === "searching") {
      return { settled: stacks.done.then((found) => this.use(found, deadline).settled) };
    }
    const used = stacks.files.map((file) => this.probed(file));
    const placing = used.flatMap(({ state }) => (state.kind === "attaching" ? [state.done] : []));
    if (stacks.more) {
      const more = stacks.more.then((found) => this.use(found, deadline).settled);
      const soFar = deadline.then(() => Promise.all(placing)).then(() => resultOf(used));
      return { settled: Promise.race([more, soFar]) };
    }
    if (placing.length > 0) return { settled: Promise.all(placing).then(() => resultOf(used)) };
    const now = resultOf(used);
    return { now, settled: Promise.resolve(now) };
  }

  private probed(file: StackFile): ProbedFile {
    const known = this.files.get(file.key);
    if (known !== undefined) {
      // One that was refused is tried again after the same time, not for each connection.
      if (known.state.kind !== "refused") known.usedAt = this.now();
      return known;
    }
    const done = this.place(file).then((state) => {
      fresh.state = state;
      if (this.closed && state.kind === "attached") this.probes.detach(state.handle);
    });
    const fresh: ProbedFile = { state: { kind: "attaching", done }, usedAt: this.now() };
    this.files.set(file.key, fresh);
    return fresh;
  }

  private async place(file: StackFile): Promise<FileState> {
    let fd: number | undefined;
    try {
      fd = file.openFile();
      return { kind: "attached", handle: await this.probes.attach(fd, file.key, file.sites) };
    } catch (error) {
      return { kind: "refused", reason: error instanceof Error ? error.message : String(error) };
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}

/** Of files none of which waits. One that has probes is enough: a program may have mapped other stacks and not use them. */
function resultOf(files: readonly ProbedFile[]): WatchResult {
  let reason = "no file with sites";
  for (const { state } of files) {
    if (state.kind === "attached") return { state: "known" };
    if (state.kind === "refused") reason = state.reason;
  }
  return { state: "none", reason: `probes cannot be placed: ${reason}` };
}
