/** `urgent`: a connection is waiting for the search. */
export type Lane = "urgent" | "other";

/**
 * Runs searches with limited concurrency, urgent ones first. A queued search of the other lane becomes urgent with
 * `hurry`.
 */
export class SearchQueue {
  private readonly urgent: Array<(lane: Lane) => void> = [];
  private readonly others: Array<(lane: Lane) => void> = [];
  private running = 0;

  constructor(private readonly atOnce: number) {}

  /** `start` is called with the lane it is in when its turn comes; it handles its own errors. */
  add(start: (lane: Lane) => Promise<unknown>, lane: Lane): { hurry(): void } {
    const run = (from: Lane): void => {
      this.running++;
      void start(from).finally(() => {
        this.running--;
        this.next();
      });
    };
    (lane === "urgent" ? this.urgent : this.others).push(run);
    // Starting a process takes milliseconds, which must not delay the caller.
    if (lane === "urgent") this.next();
    else setImmediate(() => this.next());
    return {
      hurry: () => {
        const at = this.others.indexOf(run);
        if (at >= 0) this.urgent.push(...this.others.splice(at, 1));
      },
    };
  }

  private next(): void {
    while (this.running < this.atOnce) {
      const lane = this.urgent.length > 0 ? "urgent" : "other";
      const run = this.urgent.shift() ?? this.others.shift();
      if (run === undefined) return;
      run(lane);
    }
  }
}
