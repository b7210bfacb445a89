import { expect, test } from "vitest";
import { createConnectionReader } from "../../src/exchange/connection.js";
import { DEFAULT_LIMITS, type Exchange, limitsOf } from "../../src/exchange/exchange.js";

/** What is kept of a response body of that many bytes. */
function kept(length: number, limit: number) {
  let seen: Exchange | undefined;
  const reader = createConnectionReader(
    { scheme: "https", protocol: "http/1.1", limits: limitsOf(limit) },
    { onExchange: (exchange) => (seen = exchange), onGiveUp: () => undefined },
  );
  reader.push("request", Buffer.from("GET / HTTP/1.1\r\nhost: a\r\n\r\n"), 1);
  reader.push("response", Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`), 2);
  reader.push("response", Buffer.alloc(length, "x"), 3);
  reader.close("ended", 4);
  const { head, tail = Buffer.alloc(0), truncated } = seen!.response!.body;
  return { bytes: head.length + tail.length, tail: tail.length, truncated };
}

test.each([
  [2_000, 100_000, { bytes: 2_000, tail: 500, truncated: true }],
  [2_000, 2_000, { bytes: 2_000, tail: 0, truncated: false }],
  [2_000, 1_800, { bytes: 1_800, tail: 0, truncated: false }],
  [1 << 20, 2 << 20, { bytes: 1 << 20, tail: 64 << 10, truncated: true }],
  [0, 100, { bytes: 0, tail: 0, truncated: true }],
])("a limit of %i bytes keeps no more of a body of %i, start and end together", (limit, length, expected) => {
  expect(kept(length, limit)).toEqual(expected);
});

test("the limit that nobody set keeps as much", () => {
  const { maxBody, maxTail } = limitsOf(8 << 20);
  expect(maxBody + maxTail).toBe(8 << 20);
  expect(maxTail).toBe(DEFAULT_LIMITS.maxTail);
});
