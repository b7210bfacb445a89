import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Reason } from "../../src/connection/reasons.js";
import { StatusLine } from "../../src/engine/status-line.js";
import type { OximyEvent } from "../../src/event/event.js";
import { CLEAR_LINE } from "../../src/terminal.js";

/** A terminal as a person sees it: its lines, of which the last one is drawn over. */
class Screen {
  private written = "";

  constructor(readonly columns: number) {}

  write(text: string): void {
    this.written += text;
  }

  get lines(): string[] {
    return this.written.split("\n").map((line) => line.split(CLEAR_LINE).at(-1)!);
  }
}

const event = (trace_level: OximyEvent["trace_level"], reason?: Reason) =>
  ({ trace_level, metadata: { ...(reason && { reason }) } }) as OximyEvent;

describe("the status line", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("stands below what is printed, and tells only what there was", () => {
    const screen = new Screen(80);
    const status = new StatusLine(screen);
    status.add(event("full"));
    status.print("one");
    status.add(event("full"));
    status.print("two");
    expect(screen.lines.map((line) => line.trim())).toEqual(["one", "two", "2 read"]);
  });

  it.each<[Reason, string]>([
    ["trust_unknown", "0 read · 1 passed"],
    ["verdict_late", "0 read · 1 passed"],
    ["client_refused_certificate", "0 read · 1 refused"],
    ["runtime_does_not_trust", "0 read · 1 not trusting"],
    ["no_certificate", "0 read · 1 not trusting"],
    ["capture_lost", "0 read · 1 lost"],
  ])("counts %s", (reason, expected) => {
    const screen = new Screen(80);
    const status = new StatusLine(screen);
    status.add(event("identifiable", reason));
    status.print("line");
    expect(screen.lines.at(-1)).toBe(expected);
  });

  it("is never as wide as the terminal", () => {
    const screen = new Screen(12);
    const status = new StatusLine(screen);
    status.add(event("identifiable", "capture_lost"));
    status.print("line");
    expect(screen.lines.at(-1)).toBe("0 read · 1…");
  });

  it("is drawn again after another process printed over it, and is gone at the end", () => {
    const screen = new Screen(80);
    const status = new StatusLine(screen);
    status.add(event("full"));
    status.print("line");
    screen.write(`${CLEAR_LINE}a warning\n`);
    vi.advanceTimersByTime(1_000);
    expect(screen.lines.map((line) => line.trim())).toEqual(["line", "a warning", "1 read"]);
    status.end();
    expect(screen.lines.at(-1)).toBe("");
    vi.advanceTimersByTime(5_000);
    expect(screen.lines.at(-1)).toBe("");
  });
});
