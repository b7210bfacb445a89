/**
 * Runs in the supervisor: decides for the proxy whether a connection can be read, and attaches probes where needed.
 * Probes are attached when a process first opens a wanted connection, and removed when no such process has shown up for
 * a while, so that programs that connect to no known host are never probed.
 */

import { closeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { SecretProbes } from "./probes.js";
import type { StackFile, StackFinder, Stacks } from "./stack.js";

export type WatchResult =
  /** Probes are attached: the secrets of the handshake will arrive, if its server answers. */
  { readonly state: "known" } | { readonly state: "none"; readonly reason: string };

export type WatchAnswer =
  | WatchResult
  /**
   * Probes are being attached (5 to 30 ms), or the program is being searched for sites (up to seconds). The secrets
   * will arrive if the server hello reaches the client after `ready` resolves to "known". It never rejects.
   */
  | { readonly state: "searching"; readonly ready: Promise<WatchResult> };

/** Probes are removed from a file after this time without a wanted connection of a process that maps it. */
export const UNUSED_MS = 10 * 60_000;

const SWEEP_MS = 60_000;

/** The server's answer is held for 150 ms at most: results of longer searches are used for later connections. */
const SEARCH_MS = 110;

export interface SecretServiceOptions {
  /** Closed by the caller. */
  readonly probes: Pick<SecretProbes, "attach" | "detach" | "want" | "unwant">;
  readonly finder: StackFinder;
  readonly unusedMs?: number;
  /** Monotonic clock, in milliseconds. */
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
   * Starts to forward the secrets of a connection. `watchId` (u32) is the number in the frames of its secrets, `random`
   * the 32 bytes from its client hello. Secrets are forwarded until `unwatch`, or for ten seconds.
   */
  watch(watchId: number, pid: number, startTime: number, random: Uint8Array): WatchAnswer {
    const stacks = this.finder.sitesOf(pid, startTime);
    if (stacks.kind === "none") return { state: "none", reason: stacks.reason };
    // First, so that the handshake is already wanted when its probe fires.
    if (!this.probes.want(watchId, pid, random)) {
      return { state: "none", reason: "too many concurrent handshakes" };
    }
    const { now, settled } = this.use(stacks, sleep(SEARCH_MS, undefined, { ref: false }));
    if (now?.state === "none") this.probes.unwant(watchId);
    return now ?? { state: "searching", ready: this.unwantWithout(watchId, settled) };
  }

  /** The proxy has the secrets, or no longer needs them. */
  unwatch(watchId: number): void {
    this.probes.unwant(watchId);
  }

  /** Removes the probes of files that have not been used for `unusedMs`. Called every minute. */
  detachUnused(): void {
    const oldest = this.now() - this.unusedMs;
    for (const [key, { state, usedAt }] of this.files) {
      if (usedAt > oldest || state.kind === "attaching") continue;
      this.files.delete(key);
      if (state.kind === "attached") this.probes.detach(state.handle);
    }
  }

  /** Removes all probes it attached. */
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
   * Ensures that the files have probes. `now` is absent while files are being searched or probes attached. A program
   * may have several stacks (curl has OpenSSL and GnuTLS), so it waits for all of its files, until `deadline`.
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
      // A refused file is retried after `unusedMs`, not for each connection.
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

/** The result for settled files. One with probes is enough: a program may map other stacks without using them. */
function resultOf(files: readonly ProbedFile[]): WatchResult {
  let reason = "no file with sites";
  for (const { state } of files) {
    if (state.kind === "attached") return { state: "known" };
    if (state.kind === "refused") reason = state.reason;
  }
  return { state: "none", reason: `probes cannot be attached: ${reason}` };
}
