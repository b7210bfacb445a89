/** Detects whether a process that is pinged once a second has stopped answering. */

/** An event loop that leaves this many pings unanswered is stalled. */
const MAX_UNANSWERED = 4;
/** A ping this much later than due: the machine slept, or had no time for us either. */
const GAP_MS = 3_000;

/**
 * Counts pings, not time: while a machine sleeps no pings are sent, but clocks advance. Pings sent before a gap prove
 * nothing about the other process, which slept too.
 */
export class StallWatch {
  private unanswered = 0;
  private pingedAt: number | undefined;
  private stalled = false;

  /** @param now epoch ms; tolerates a clock that is set back or forward */
  constructor(private readonly now: () => number = Date.now) {}

  /** Called on each ping. True once the other process is found to be stalled. */
  pinged(): boolean {
    const at = this.now();
    if (this.pingedAt !== undefined && Math.abs(at - this.pingedAt) > GAP_MS) this.unanswered = 0;
    this.pingedAt = at;
    if (++this.unanswered <= MAX_UNANSWERED || this.stalled) return false;
    this.stalled = true;
    return true;
  }

  get isStalled(): boolean {
    return this.stalled;
  }

  /** Called on each answer. True when it was stalled until now. */
  answered(): boolean {
    const wasStalled = this.stalled;
    this.unanswered = 0;
    this.stalled = false;
    return wasStalled;
  }
}
