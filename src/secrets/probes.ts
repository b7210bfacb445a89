import { OximyError } from "../errors.js";
import { loadNative, type NativeAddon } from "../native/native.js";
import type { Site } from "./site.js";

/**
 * How probes are attached: one uprobe_multi link per site (`multi`, Linux 6.6), or a perf event (`perf`, Linux 5.8).
 * `best` takes the first that the kernel supports.
 */
export type ProbeMethod = "best" | "multi" | "perf";

/** The first three are current values, the others counters since the start. */
export interface ProbeStats {
  readonly probes: number;
  /** Handshakes whose secrets are wanted. */
  readonly wanted: number;
  /** Sites for which the location of the connection's client random is known. */
  readonly places: number;
  /** Secrets that left the kernel. */
  readonly records: number;
  /** Frames written with secrets verified by the client random. */
  readonly forwarded: number;
  /** Frames written with unverified secrets. */
  readonly candidates: number;
  /** Left the kernel, but are no longer wanted. */
  readonly foreign: number;
  /** With a label that is not used for decryption. */
  readonly unneeded: number;
  /** Frames dropped because the descriptor was full. */
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

/** After this time a handshake is no longer wanted, even without `unwant`. */
export const WANTED_MS = 10_000;

export interface ProbeOptions {
  readonly method?: ProbeMethod;
  readonly wantedMs?: number;
}

/**
 * Copies the TLS secrets of wanted handshakes out of other programs' memory, and writes them as frames
 * (secret-frame.ts) to a descriptor. Needs Linux 5.8 and root. The kernel removes all probes when this process ends,
 * however it ends. Secrets pass through this process's memory, which is locked and wiped; the host process must set
 * PR_SET_DUMPABLE to 0.
 */
export class SecretProbes {
  private readonly binding: ProbesBinding;

  /** Null when probes work here, else the reason why not. Tests by attaching one: about 20 ms. */
  static support(method: ProbeMethod = "best"): string | null {
    return (loadNative() as NativeProbes).secretProbesSupport(method);
  }

  /**
   * `secretsFd` is a pipe or stream socket; the caller keeps ownership, and it is set non-blocking. Frames are dropped
   * and counted while it is full.
   *
   * @throws OximyError OXIMY_E_PLATFORM when probes do not work here.
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
        "Run it as root on Linux 5.8 or later, or with `--no-read`.",
        { cause: error },
      );
    }
  }

  /**
   * Attaches probes to a file, for every process that maps it. The caller keeps ownership of the descriptor. `fileKey`
   * identifies the file's content: facts learned about it are cached under that key. Resolves to a handle once the
   * probes are attached: 4 to 30 ms. Rejects with the reason when the kernel, or this code, refuses.
   */
  async attach(fileFd: number, fileKey: string, sites: readonly Site[]): Promise<number> {
    return this.binding.attach(fileFd, fileKey, sites);
  }

  /** Removes the probes of a handle asynchronously. */
  detach(handle: number): void {
    this.binding.detach(handle);
  }

  /**
   * Forwards the secrets of the handshake of process `pid` with this client random (32 bytes) under `watchId` (u32),
   * until `unwant` or for `wantedMs`. False when too many handshakes are wanted.
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

  /** Removes all probes; nothing is written afterwards. Waits for the kernel: tens of milliseconds. */
  close(): void {
    this.binding.close();
  }
}
