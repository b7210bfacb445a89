import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BodyCollector, MemoryBudget } from "../../src/exchange/body.js";

const collect = (chunks: readonly Uint8Array[], maxBody: number, maxTail: number, budget = 1e9) => {
  const memory = new MemoryBudget(budget);
  const body = new BodyCollector({ maxBody, maxTail, maxHeader: 0 }, memory);
  for (const chunk of chunks) body.append(Buffer.from(chunk), 0, chunk.length);
  return { body, memory };
};

describe("a body", () => {
  it("keeps its first and last bytes, however it came", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 20 }),
        fc.nat(60),
        fc.nat(30),
        (chunks, maxBody, maxTail) => {
          const whole = Buffer.concat(chunks);
          const { body } = collect(chunks, maxBody, maxTail);
          const { head, tail, length, truncated } = body.snapshot();
          expect(length).toBe(whole.length);
          expect(truncated).toBe(whole.length > maxBody + maxTail);
          expect(head.equals(truncated ? whole.subarray(0, maxBody) : whole)).toBe(true);
          expect(tail?.equals(whole.subarray(whole.length - maxTail)) ?? !truncated).toBe(true);
        },
      ),
    );
  });

  it("keeps less when the connection's memory is used up, and gives it back", () => {
    const { body, memory } = collect([Buffer.from("0123456789")], 100, 3, 6);
    expect(body.snapshot()).toEqual({
      head: Buffer.from("012345"),
      tail: Buffer.alloc(0),
      length: 10,
      truncated: true,
    });
    expect(memory.take(1)).toBe(0);
    body.release();
    expect(memory.take(10)).toBe(6);
  });
});
