import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createConnectionReader } from "../../src/exchange/connection.js";
import type { WebSocketMessage } from "../../src/exchange/exchange.js";
import { CORPUS } from "./corpus.js";
import { createReport, LIMITS, play, type Report, type Step } from "./recording.js";

/** The same bytes at the same times, each step cut into pieces of these sizes, over and over. */
function cut(steps: readonly Step[], sizes: readonly number[]): Step[] {
  let turn = 0;
  return steps.flatMap(([direction, text], i) => {
    const bytes = Buffer.from(text as string, "latin1");
    const pieces: Step[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = sizes[turn++ % sizes.length]!;
      pieces.push([direction, bytes.subarray(at, at + size), i]);
      at += size;
    }
    return pieces;
  });
}

type Read = Pick<Report, "exchanges" | "gaveUp"> & { readonly messages: readonly WebSocketMessage[] };

function read(steps: readonly Step[], protocol: "http/1.1" | "h2" | undefined): Read {
  const { handlers, ...report } = createReport();
  const reader = createConnectionReader({ protocol, scheme: "http", limits: LIMITS }, handlers);
  play(reader, steps);
  reader.end("response", 1000);
  reader.close("ended", 1001);
  // The exchange that comes with a message is as far as it was seen, so it does depend on the pieces.
  return { ...report, messages: report.messages.map(({ message }) => message) };
}

describe("in whatever pieces the bytes come, the same is read from", () => {
  it.each(CORPUS)("$name", ({ steps, protocol }) => {
    const whole = read(cut(steps, [1 << 20]), protocol);
    expect(whole.gaveUp).toEqual([]);
    expect(whole.exchanges.length).toBeGreaterThan(0);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 }), (sizes) => {
        expect(read(cut(steps, sizes), protocol)).toEqual(whole);
      }),
      { numRuns: 200, examples: [[[1]], [[2]], [[3]]] },
    );
  });
});
