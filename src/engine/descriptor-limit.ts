/** How many file descriptors this process may have open. */

import { readFileSync } from "node:fs";

/** The default of macOS (`launchctl limit maxfiles`), and a cautious guess elsewhere. */
const UNKNOWN_LIMIT = 10_240;

/** The soft limit, which Node raises to the hard limit at startup. */
export function descriptorLimit(limits = readLimits()): number {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  return soft === undefined || soft === "unlimited" ? UNKNOWN_LIMIT : Number(soft);
}

function readLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return ""; // not Linux
  }
}
