/** The start of a process, as a time that can be compared with those of files. */

import { readFileSync } from "node:fs";

/** USER_HZ: the kernel's unit towards programs, whatever its own clock (proc(5)). */
const TICKS_PER_SECOND = 100;
const REFRESH_MS = 1000;

/**
 * Linux counts clock ticks since boot, including sleep; macOS epoch microseconds. /proc/stat has the time of boot in
 * whole seconds only: it is computed from now and /proc/uptime (hundredths), and again after a second, since the clock
 * may have been set.
 */
export class StartTimes {
  private bootedAt = 0;
  private readAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly platform: NodeJS.Platform = process.platform,
    private readonly uptime: () => number = () => Number.parseFloat(readFileSync("/proc/uptime", "latin1")),
  ) {}

  /** Epoch milliseconds. */
  epochMs(startTime: number): number {
    if (this.platform === "darwin") return startTime / 1000;
    const now = performance.now();
    if (now - this.readAt > REFRESH_MS) {
      this.readAt = now;
      this.bootedAt = Date.now() - this.uptime() * 1000;
    }
    return this.bootedAt + (startTime * 1000) / TICKS_PER_SECOND;
  }
}
