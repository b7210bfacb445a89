/** How many descriptors this process may have open. */

import { readFileSync } from "node:fs";

/** What macOS gives where nothing else is set (`launchctl limit maxfiles`), and a cautious guess elsewhere. */
const UNKNOWN_LIMIT = 10_240;

/** The soft limit, which Node raises to the hard one when it starts. */
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
