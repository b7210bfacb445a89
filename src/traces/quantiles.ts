/**
 * Quantiles of many numbers in little memory: counts in buckets with exponentially growing bounds, after DDSketch
 * (Masson, Rim, Lee: "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error Guarantees", VLDB 2019).
 */

/** Largest relative error of a quantile. */
export const QUANTILE_ERROR = 0.01;

const GROWTH = (1 + QUANTILE_ERROR) / (1 - QUANTILE_ERROR);
const LOG_GROWTH = Math.log(GROWTH);

export class Quantiles {
  /** By the exponent of the upper bound. Milliseconds up to a day need at most 914 buckets. */
  private readonly buckets = new Map<number, number>();
  private zeros = 0;
  private total = 0;

  get count(): number {
    return this.total;
  }

  /** Ignores negative numbers, NaN and Infinity. */
  add(value: number): void {
    if (!(value >= 0) || value === Number.POSITIVE_INFINITY) return;
    this.total += 1;
    if (value < 1) {
      this.zeros += 1;
      return;
    }
    const bucket = Math.ceil(Math.log(value) / LOG_GROWTH);
    this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + 1);
  }

  /** The value at `quantile` (0 to 1), by nearest rank; null without values. */
  at(quantile: number): number | null {
    if (this.total === 0) return null;
    const rank = Math.max(1, Math.ceil(quantile * this.total));
    let seen = this.zeros;
    if (seen >= rank) return 0;
    for (const bucket of [...this.buckets.keys()].sort((a, b) => a - b)) {
      seen += this.buckets.get(bucket)!;
      if (seen >= rank) return (2 * GROWTH ** bucket) / (GROWTH + 1);
    }
    return null;
  }
}
