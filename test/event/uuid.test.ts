import { expect, test } from "vitest";
import { UuidV7Generator } from "../../src/event/uuid.js";

test("an id holds its moment, version and variant", () => {
  const id = new UuidV7Generator().next(Date.parse("2026-01-09T19:56:26.420Z") + 0.7);
  expect(id).toMatch(/^019ba454-e7b4-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("ids of one millisecond ascend, and all ids differ", () => {
  const ids = new UuidV7Generator();
  const made = Array.from({ length: 50_000 }, () => ids.next(1_767_988_586_420));
  expect(made).toEqual(made.toSorted());
  expect(new Set(made).size).toBe(made.length);
});

test("a moment that was left and comes again gives other ids", () => {
  const ids = new UuidV7Generator();
  const made = Array.from({ length: 1000 }, (_, i) => ids.next(1_767_988_586_420 + (i % 2)));
  expect(new Set(made).size).toBe(made.length);
});
