/** Where events are exported to, besides the files: an OpenTelemetry collector, a log server. */

import type { OximyEvent } from "../../event/event.js";
import type { Cut } from "../../traces/cut-line.js";

export interface Destination {
  /** Parts of an event's line that are not needed. */
  readonly cut: Cut;
  /** Longest wait between two polls for new events. */
  readonly pollMs: number;
  /** Resolves to false if stopped before all were accepted or permanently rejected. Never rejects. */
  send(events: readonly OximyEvent[]): Promise<boolean>;
  close(): void;
}

/** What a destination is constructed with. */
export interface DestinationContext {
  readonly version: string;
  readonly host: { readonly name: string; readonly arch: string; readonly system: string };
  readonly log: (level: "info" | "warn", message: string) => void;
  /** Aborts when the remaining events are to be sent, without waiting for more. */
  readonly finish: AbortSignal;
  /** Aborts when the time for that is over, too. */
  readonly stop: AbortSignal;
  /** Wait before the first retry; doubled each time. */
  readonly retryMs?: number;
}
