import { expect, test } from "vitest";
import { ConnectionQuota, InFlight } from "../../src/capture/in-flight.js";

const counterAt = (value: number) => {
  const counter = new Int32Array(new SharedArrayBuffer(4));
  counter[0] = value;
  return counter;
};

test.each([0, 2 ** 31 - 5, -5])(
  "counts what is handed over and not read, from %i on and over the edge",
  (start) => {
    const counter = counterAt(start);
    const underWay = new InFlight(counter);
    expect(underWay.kib()).toBe(0);
    underWay.add(10);
    expect(underWay.kib()).toBe(10);
    Atomics.add(counter, 0, 7);
    expect(underWay.kib()).toBe(3);
    Atomics.add(counter, 0, 3);
    expect(underWay.kib()).toBe(0);
  },
);

test.each([0, 2 ** 31 - 5, -5])("a mark is read with the batch that comes after it, from %i on", (start) => {
  const counter = counterAt(start);
  const underWay = new InFlight(counter);
  underWay.add(4);
  const mark = underWay.mark();
  underWay.add(2);
  Atomics.add(counter, 0, 4);
  expect(underWay.isRead(mark)).toBe(false);
  Atomics.add(counter, 0, 2);
  expect(underWay.isRead(mark)).toBe(true);
});

test("a share grows while the reader is behind, and goes when it has caught up", () => {
  const counter = counterAt(0);
  const underWay = new InFlight(counter);
  const share = new ConnectionQuota(underWay);
  const push = (bytes: number) => {
    const held = share.add(bytes);
    underWay.add(bytes);
    return held;
  };
  expect([push(10), push(10), push(10)]).toEqual([10, 20, 30]);
  Atomics.add(counter, 0, 30);
  expect(push(5)).toBe(35); // it counts what came before until it is sure
  Atomics.add(counter, 0, 5);
  expect(push(5)).toBe(10);
  Atomics.add(counter, 0, 5);
  expect(push(1)).toBe(6);
});
