import { expect, test } from "vitest";
import { QUANTILE_ERROR, Quantiles } from "../../src/traces/quantiles.js";

const nearestRank = (sorted: readonly number[], quantile: number) =>
  sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)]!;

/** The same numbers in each run. */
function* random(count: number, of: (unit: number) => number): Generator<number> {
  let state = 1;
  for (let at = 0; at < count; at += 1) {
    state = (state * 48_271) % 2_147_483_647;
    yield of(state / 2_147_483_647);
  }
}

test.each<[string, number[]]>([
  ["evenly spread", [...random(10_000, (unit) => Math.floor(unit * 60_000))]],
  ["few of them large", [...random(10_000, (unit) => Math.floor(1 / (1 - unit)))]],
  ["over all sizes", [...random(10_000, (unit) => Math.floor(10 ** (unit * 9)))]],
  ["all the same", Array<number>(100).fill(1234)],
  ["a single one", [7]],
  ["zeros", [0, 0, 0, 5]],
])("quantiles of numbers, %s, are off by 1%% at most", (_, numbers) => {
  const quantiles = new Quantiles();
  for (const number of numbers) quantiles.add(number);
  const sorted = [...numbers].sort((a, b) => a - b);
  for (const quantile of [0, 0.01, 0.5, 0.95, 0.99, 1]) {
    const exact = nearestRank(sorted, quantile);
    expect(Math.abs(quantiles.at(quantile)! - exact)).toBeLessThanOrEqual(exact * QUANTILE_ERROR + 1e-9);
  }
});

test("there is none of nothing, and what is no number is left out", () => {
  const quantiles = new Quantiles();
  for (const value of [Number.NaN, -1, Number.POSITIVE_INFINITY]) quantiles.add(value);
  expect([quantiles.count, quantiles.at(0.5)]).toEqual([0, null]);
});
