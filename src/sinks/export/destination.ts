/** What is told of events, beside the files: a collector of OpenTelemetry's, a log server. */

import type { OximyEvent } from "../../event/event.js";
import type { Cut } from "../../traces/cut-line.js";

export interface Destination {
  /** What of an event's line is not needed. */
  readonly cut: Cut;
  /** How long new events are waited for at most. */
  readonly pollMs: number;
  /** False when it was stopped before all was taken or refused for good. Never rejects. */
  send(events: readonly OximyEvent[]): Promise<boolean>;
  close(): void;
}

/** What a destination is made with. */
export interface DestinationContext {
  readonly version: string;
  readonly host: { readonly name: string; readonly arch: string; readonly system: string };
  readonly log: (level: "info" | "warn", message: string) => void;
  /** Aborts when what is there is to be sent, and nothing more waited for. */
  readonly finish: AbortSignal;
  /** Aborts when there is no more time for that either. */
  readonly stop: AbortSignal;
  /** First wait before the next try; doubled each time. */
  readonly retryMs?: number;
}
