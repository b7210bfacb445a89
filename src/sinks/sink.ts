/** Where events go. */

import type { OximyEvent } from "../event/event.js";

export interface SinkStats {
  /** Events that were written. */
  readonly written: number;
  /** Events that wait until writing works again. */
  readonly queued: number;
  /** Events that were dropped: the queue was full, or the sink was closed. */
  readonly lost: number;
}

export interface Sink {
  /** Accepts the event and returns at once; never throws. */
  write(event: OximyEvent): void;
  /** Until `uncork`, events may be buffered, so that those of one turn of the event loop go in one write. */
  cork(): void;
  uncork(): void;
  /** Resolves when all events were written, or cannot be written now. Never rejects. */
  flush(): Promise<void>;
  /** Flushes, counts what cannot be written as lost, and frees all resources. Never rejects; may be called twice. */
  close(): Promise<void>;
  stats(): SinkStats;
}

/** Called once when something fails and once when it works again. */
export type SinkLog = (level: "info" | "warn", message: string) => void;
