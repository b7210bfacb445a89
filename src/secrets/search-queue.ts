/**
 * Runs so many searches at once, those that a connection waits for before those that none waits for. One that waits
 * for its turn in the second lane moves to the first when it is asked for again.
 */
export class SearchQueue {
  private readonly urgent: Array<() => void> = [];
  private readonly others: Array<() => void> = [];
  private running = 0;

  constructor(private readonly atOnce: number) {}

  /** `start` is called when it is its turn; it handles its own errors. */
  add(start: () => Promise<unknown>, lane: "urgent" | "other"): { hurry(): void } {
    const run = (): void => {
      this.running++;
      void start().finally(() => {
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
      const run = this.urgent.shift() ?? this.others.shift();
      if (run === undefined) return;
      run();
    }
  }
}
