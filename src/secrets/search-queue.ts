/** Whether a connection waits for a search. */
export type Lane = "urgent" | "other";

/**
 * Runs so many searches at once, those that a connection waits for before those that none waits for. One that waits
 * for its turn in the second lane moves to the first when it is asked for again.
 */
export class SearchQueue {
  private readonly urgent: Array<(lane: Lane) => void> = [];
  private readonly others: Array<(lane: Lane) => void> = [];
  private running = 0;

  constructor(private readonly atOnce: number) {}

  /** `start` is called when it is its turn, with the lane that it is in by then; it handles its own errors. */
  add(start: (lane: Lane) => Promise<unknown>, lane: Lane): { hurry(): void } {
    const run = (from: Lane): void => {
      this.running++;
      void start(from).finally(() => {
        this.running--;
        this.next();
      });
    };
    (lane === "urgent" ? this.urgent : this.others).push(run);
    // To start a process takes milliseconds, which is not on the time of who asked.
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
