/** How many certificates may be signed in which time. */

/** As many names at once as a bundle has that one machine uses on one day. */
const BURST = 256;
const PER_SECOND = 2;

/** A bucket of tokens. */
export class SigningRate {
  private tokens = BURST;
  private filledAt: number;

  /** @param now ms of a clock that is never set */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.filledAt = now();
  }

  /** Takes one, if there is one. */
  take(): "taken" | "none_left" {
    const now = this.now();
    this.tokens = Math.min(BURST, this.tokens + ((now - this.filledAt) / 1_000) * PER_SECOND);
    this.filledAt = now;
    if (this.tokens < 1) return "none_left";
    this.tokens -= 1;
    return "taken";
  }
}
