/** Keeps the bundle current while the program runs. */

import { EventEmitter } from "node:events";
import type { LoadedBundle } from "./bundle.js";
import { DEFAULT_REFRESH_HOURS, fetchBundle, type LoadOptions } from "./load.js";

/** Clock of the refresher; replaced in tests. */
export interface Clock {
  now(): number;
  setTimeout(callback: () => void, milliseconds: number): { unref?(): void };
  clearTimeout(timer: { unref?(): void }): void;
}

export interface RefresherEvents {
  /** A document that differs from the last one; it replaces the whole bundle. */
  bundle: [loaded: LoadedBundle];
  /** The published document has not changed. */
  unchanged: [];
  /** The current bundle stays in use; retried after an hour at the latest. */
  failed: [error: Error];
}

const HOUR = 3_600_000;
const SHORTEST = 60_000;
/** Maximum delay of a timer. */
const LONGEST = 2 ** 31 - 1;

const SYSTEM_CLOCK: Clock = {
  now: Date.now,
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** A bundle from a given file is the user's choice and never replaced. */
export class BundleRefresher extends EventEmitter<RefresherEvents> {
  private readonly options: LoadOptions;
  private readonly clock: Clock;
  private readonly interval: number;
  private readonly stopped = new AbortController();
  private inForce: LoadedBundle;
  private timer: { unref?(): void } | undefined;

  constructor(current: LoadedBundle, options: LoadOptions, clock: Clock = SYSTEM_CLOCK) {
    super();
    this.inForce = current;
    this.options = { ...options, now: () => clock.now(), signal: this.stopped.signal };
    this.clock = clock;
    const hours = options.refreshHours ?? DEFAULT_REFRESH_HOURS;
    this.interval = Math.min(Math.max(hours * HOUR, SHORTEST), LONGEST);
  }

  get current(): LoadedBundle {
    return this.inForce;
  }

  start(): void {
    if (this.options.file !== undefined || this.timer || this.stopped.signal.aborted) return;
    const { origin, loadedAt = 0 } = this.inForce;
    const isPublished = origin === "url" || origin === "cache";
    const age = Math.max(0, this.clock.now() - loadedAt);
    this.schedule(isPublished ? Math.max(0, this.interval - age) : Math.min(this.interval, HOUR));
  }

  /** Refreshes now, regardless of the timer. */
  async refresh(): Promise<void> {
    const outcome = await fetchBundle(this.options).catch((error: Error) => error);
    if (this.stopped.signal.aborted) return;
    if (outcome instanceof Error) {
      this.schedule(Math.min(this.interval, HOUR));
      this.emit("failed", outcome);
      return;
    }
    const isNew = outcome.document !== this.inForce.document;
    this.inForce = outcome;
    this.schedule(this.interval);
    if (isNew) this.emit("bundle", outcome);
    else this.emit("unchanged");
  }

  stop(): void {
    this.stopped.abort();
    if (this.timer) this.clock.clearTimeout(this.timer);
    this.timer = undefined;
  }

  private schedule(milliseconds: number): void {
    if (this.timer) this.clock.clearTimeout(this.timer);
    this.timer = this.clock.setTimeout(() => void this.refresh(), milliseconds);
    // Do not keep the process alive.
    this.timer.unref?.();
  }
}
