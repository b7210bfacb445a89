/** Rate limit for signing certificates. */

/** As many names as one machine uses of a bundle in one day. */
const BURST = 256;
const PER_SECOND = 2;

/** A token bucket. */
export class SigningRate {
  private tokens = BURST;
  private filledAt: number;

  /** @param now monotonic clock, in ms */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.filledAt = now();
  }

  /** Takes one token, if there is one. */
  take(): "taken" | "none_left" {
    const now = this.now();
    this.tokens = Math.min(BURST, this.tokens + ((now - this.filledAt) / 1_000) * PER_SECOND);
    this.filledAt = now;
    if (this.tokens < 1) return "none_left";
    this.tokens -= 1;
    return "taken";
  }
}
