/** Where events go. */

import type { OximyEvent } from "../event/event.js";

export interface SinkStats {
  /** Events that arrived where they belong. */
  readonly written: number;
  /** Events that wait for the place to come back. */
  readonly queued: number;
  /** Events that were given up: no room to wait, or the sink closed meanwhile. */
  readonly lost: number;
}

export interface Sink {
  /** Takes the event and returns at once; never throws. */
  write(event: OximyEvent): void;
  /** Until `uncork`, events may be gathered: what comes in one turn then goes in one write. */
  cork(): void;
  uncork(): void;
  /** Resolves when all that was written has arrived, or cannot arrive now. Never rejects. */
  flush(): Promise<void>;
  /** Flushes, counts what cannot arrive as lost, and frees all resources. Never rejects; may be called twice. */
  close(): Promise<void>;
  stats(): SinkStats;
}

/** Told once when something goes wrong and once when it is well again. */
export type SinkLog = (level: "info" | "warn", message: string) => void;
