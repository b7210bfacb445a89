/** The status line of a terminal: how many connections and exchanges were read, how many were not, and why. */

import type { Reason } from "../connection/reasons.js";
import type { OximyEvent } from "../event/event.js";
import { CLEAR_LINE, shortened } from "../terminal.js";

const NOT_TRUSTING: ReadonlySet<Reason> = new Set([
  "runtime_does_not_trust",
  "app_pins_certificates",
  "client_refused_before",
  "no_certificate",
]);

/** Interval for redrawing it, since another process may print over it. */
const DRAW_MS = 1_000;

export interface StatusTerminal {
  readonly columns: number;
  write(text: string): unknown;
}

export class StatusLine {
  private readonly counts = { read: 0, passed: 0, refused: 0, "not trusting": 0, lost: 0 };
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly terminal: StatusTerminal) {}

  add({ trace_level, metadata }: Pick<OximyEvent, "trace_level" | "metadata">): void {
    this.counts[kindOf(trace_level, metadata.reason as Reason | undefined)]++;
  }

  /** Prints lines above it. */
  print(text: string): void {
    this.terminal.write(`${CLEAR_LINE}${text}\n${this.text()}`);
    this.timer ??= setInterval(() => this.terminal.write(`${CLEAR_LINE}${this.text()}`), DRAW_MS).unref();
  }

  /** Clears the line for other output. */
  end(): void {
    if (this.timer === undefined) return;
    clearInterval(this.timer);
    this.terminal.write(CLEAR_LINE);
  }

  private text(): string {
    const { read, ...others } = this.counts;
    const rest = Object.entries(others).filter(([, count]) => count > 0);
    const parts = [["read", read] as const, ...rest].map(([what, count]) => `${count} ${what}`);
    // A character in the last column would wrap the cursor to the next line.
    return shortened(parts.join(" · "), Math.max(1, this.terminal.columns - 1));
  }
}

function kindOf(level: OximyEvent["trace_level"], reason: Reason | undefined) {
  if (reason === "capture_lost") return "lost";
  if (reason === "client_refused_certificate") return "refused";
  if (reason !== undefined && NOT_TRUSTING.has(reason)) return "not trusting";
  return level === "full" ? "read" : "passed";
}
