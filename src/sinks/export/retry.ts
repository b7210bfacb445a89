/** Repeats an attempt until it is accepted or permanently rejected; reports when the receiver is gone and back. */

import { setTimeout as delay } from "node:timers/promises";
import type { DestinationContext } from "./destination.js";

export type Attempt =
  | { readonly kind: "taken" }
  /** Permanent: a retry would be rejected too. */
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "too_large" }
  /** Temporary; `afterMs` is the wait that the receiver asked for. */
  | { readonly kind: "later"; readonly why: string; readonly afterMs?: number };

export type Outcome =
  | Exclude<Attempt, { kind: "later" }>
  /** Out of time. */
  | { readonly kind: "stopped" };

export interface RetryOptions extends Pick<DestinationContext, "finish" | "stop" | "retryMs"> {
  readonly onAway: (why: string) => void;
  readonly onBack: () => void;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

export class Retry {
  private readonly options: RetryOptions;
  private isAway = false;

  constructor(options: RetryOptions) {
    this.options = options;
  }

  /** Never rejects: an attempt that rejects is retried. */
  async until(attempt: () => Promise<Attempt>): Promise<Outcome> {
    const { stop, finish, retryMs = FIRST_WAIT_MS } = this.options;
    for (let wait = retryMs; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      if (stop.aborted) return { kind: "stopped" };
      const made = await attempt().catch(
        (error: Error): Attempt => ({ kind: "later", why: reasonOf(error) }),
      );
      if (made.kind === "taken") this.back();
      if (made.kind !== "later") return made;
      if (stop.aborted) return { kind: "stopped" };
      this.away(made.why);
      if (finish.aborted) return { kind: "stopped" };
      // Jitter: machines that lost a collector at the same time must not all retry at the same time.
      const pause = made.afterMs ?? wait * (0.5 + Math.random());
      await delay(pause, undefined, { signal: finish }).catch(() => {}); // aborted: one last attempt
    }
  }

  private away(why: string): void {
    if (this.isAway) return;
    this.isAway = true;
    this.options.onAway(why);
  }

  private back(): void {
    if (!this.isAway) return;
    this.isAway = false;
    this.options.onBack();
  }
}

function reasonOf(error: Error): string {
  return error.name === "AbortError" || error.name === "TimeoutError"
    ? "it did not answer in time"
    : ((error as NodeJS.ErrnoException).code ?? error.message);
}
