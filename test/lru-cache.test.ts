import { expect, test } from "vitest";
import { LruCache } from "../src/lru-cache.js";

test("what was used longest ago goes first", () => {
  const cache = new LruCache<string, number>(2);
  cache.set("a", 1);
  cache.set("b", 2);
  expect(cache.get("a")).toBe(1);
  cache.peek("b");
  cache.set("c", 3);
  expect(cache.recentKeys()).toEqual(["c", "a"]);
  expect(cache.get("b")).toBeUndefined();
});
