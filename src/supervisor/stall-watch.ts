/** Tells whether a process that is asked once a second still answers. */

/** An event loop that leaves this many questions unanswered is stalled. */
const MAX_UNANSWERED = 4;
/** Questions that are asked much later than they should be: this machine slept, or had no time for us either. */
const GAP_MS = 3_000;

/**
 * Counts questions, not time: while a machine sleeps nobody asks, but clocks go on. What was asked before a gap in the
 * asking says nothing of the other process, which slept too.
 */
export class StallWatch {
  private unanswered = 0;
  private askedAt: number | undefined;
  private stalled = false;

  /** @param now epoch ms; a clock that is set back or forward does no harm */
  constructor(private readonly now: () => number = Date.now) {}

  /** Called with each question. True once it has become clear that the other process is stalled. */
  asked(): boolean {
    const at = this.now();
    if (this.askedAt !== undefined && Math.abs(at - this.askedAt) > GAP_MS) this.unanswered = 0;
    this.askedAt = at;
    if (++this.unanswered <= MAX_UNANSWERED || this.stalled) return false;
    this.stalled = true;
    return true;
  }

  get isStalled(): boolean {
    return this.stalled;
  }

  /** Called with each answer. True when it was stalled until now. */
  answered(): boolean {
    const wasStalled = this.stalled;
    this.unanswered = 0;
    this.stalled = false;
    return wasStalled;
  }
}
