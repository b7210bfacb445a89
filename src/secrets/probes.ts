import { OximyError } from "../errors.js";
import { loadNative, type NativeAddon } from "../native/native.js";
import type { Site } from "./site.js";

/**
 * How probes get into a file: one link for each site (`multi`, Linux 6.6), or a perf event (`perf`, Linux 5.8).
 * `best` takes the first of them that the kernel has.
 */
export type ProbeMethod = "best" | "multi" | "perf";

/** Counted since the start, but for the first three: what there is now. */
export interface ProbeStats {
  readonly probes: number;
  /** Handshakes whose secrets are wanted. */
  readonly wanted: number;
  /** Sites of which it is known where the connection keeps its client random. */
  readonly places: number;
  /** Secrets that left the kernel. */
  readonly records: number;
  /** Frames written of secrets that the client random proved. */
  readonly forwarded: number;
  /** Frames written of others. */
  readonly candidates: number;
  /** Left the kernel, but nobody wants them any more. */
  readonly foreign: number;
  /** Of a label that connections are not read with. */
  readonly unneeded: number;
  /** Frames that the descriptor had no room for. */
  readonly dropped: number;
  /** Secrets that stayed in the kernel. */
  readonly refusedByProcess: number;
  readonly refusedByRandom: number;
  readonly unreadable: number;
  readonly lost: number;
}

/** The addon's class (native/secret_probes_binding.cc). */
interface ProbesBinding {
  attach(fileFd: number, fileKey: string, sites: readonly Site[]): Promise<number>;
  detach(handle: number): void;
  want(watchId: number, pid: number, random: Uint8Array): boolean;
  unwant(watchId: number): void;
  stats(): ProbeStats;
  close(): void;
}

type NativeProbes = NativeAddon & {
  readonly SecretProbes: new (secretsFd: number, method: ProbeMethod, wantedMs: number) => ProbesBinding;
  secretProbesSupport(method: ProbeMethod): string | null;
};

/** A wanted handshake that nobody gives up is given up after so long. */
export const WANTED_MS = 10_000;

export interface ProbeOptions {
  readonly method?: ProbeMethod;
  readonly wantedMs?: number;
}

/**
 * Copies the TLS secrets of wanted handshakes out of the programs that make them, and writes them as frames
 * (secret-frame.ts) to a descriptor. Linux 5.8 and root. The kernel removes all probes when this process ends, in
 * whatever way. Secrets pass through this process's memory, locked and wiped; whoever runs it sets PR_SET_DUMPABLE to 0.
 */
export class SecretProbes {
  private readonly binding: ProbesBinding;

  /** Null when it can work here, else why not. Tries it: some 20 ms. */
  static support(method: ProbeMethod = "best"): string | null {
    return (loadNative() as NativeProbes).secretProbesSupport(method);
  }

  /**
   * `secretsFd` is a pipe or stream socket; it stays the caller's, and becomes non-blocking. When nobody reads it, frames
   * are dropped and counted.
   *
   * @throws OximyError OXIMY_E_PLATFORM when it cannot work here.
   */
  constructor(secretsFd: number, { method = "best", wantedMs = WANTED_MS }: ProbeOptions = {}) {
    try {
      const { SecretProbes } = loadNative() as NativeProbes;
      this.binding = new SecretProbes(secretsFd, method, wantedMs);
    } catch (error) {
      if (error instanceof OximyError) throw error;
      throw new OximyError(
        "OXIMY_E_PLATFORM",
        `secrets of other programs cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        "It needs root and Linux 5.8. `--no-read` does without.",
        { cause: error },
      );
    }
  }

  /**
   * Places probes in a file, for every process that maps it. The descriptor stays the caller's. `fileKey` names the
   * file's content: what is learned of it is kept for the next time. Resolves to a handle once the probes are there: 4 to
   * 30 ms. Rejects with an Error that says why the kernel, or we, refuse.
   */
  async attach(fileFd: number, fileKey: string, sites: readonly Site[]): Promise<number> {
    return this.binding.attach(fileFd, fileKey, sites);
  }

  /** Removes the probes of a handle, soon. */
  detach(handle: number): void {
    this.binding.detach(handle);
  }

  /**
   * From now on the secrets of the handshake with this client random (32 bytes) by this process are forwarded as those
   * of `watchId` (u32), until `unwant` or for `wantedMs`. False when there are too many at a time.
   */
  want(watchId: number, pid: number, random: Uint8Array): boolean {
    return this.binding.want(watchId, pid, random);
  }

  unwant(watchId: number): void {
    this.binding.unwant(watchId);
  }

  stats(): ProbeStats {
    return this.binding.stats();
  }

  /** Removes all probes. Nothing is written after it. Waits for the kernel: tens of milliseconds. */
  close(): void {
    this.binding.close();
  }
}
