import { describe, expect, it } from "vitest";
import { StallWatch } from "../../src/supervisor/stall-watch.js";

/** A watch, and a clock that only goes when it is told to. */
function watched() {
  let now = Date.UTC(2026, 0, 9);
  const watch = new StallWatch(() => now);
  return {
    /** Asks `times` times, each so many milliseconds after the one before. Which of them found a stall? */
    ask: (times: number, every = 1_000) => {
      const found: number[] = [];
      for (let question = 1; question <= times; question++) {
        now += every;
        if (watch.pinged()) found.push(question);
      }
      return found;
    },
    answer: () => watch.answered(),
  };
}

describe("a process that is asked once a second", () => {
  it("is stalled after four questions without an answer, and that is told once", () => {
    expect(watched().ask(20)).toEqual([5]);
  });

  it("is not as long as it answers, however late", () => {
    const { ask, answer } = watched();
    for (let round = 0; round < 20; round++) {
      expect(ask(4)).toEqual([]);
      expect(answer()).toBe(false);
    }
  });

  it("is none any more with its first answer, and can be another time", () => {
    const { ask, answer } = watched();
    expect(ask(5)).toEqual([5]);
    expect(answer()).toBe(true);
    expect(answer()).toBe(false);
    expect(ask(5)).toEqual([5]);
  });

  it.each([
    ["the machine slept a night", 8 * 3_600_000],
    ["the clock was set forward", 60_000],
    ["the clock was set back", -3_600_000],
  ])("is not stalled because %s", (_, gap) => {
    const { ask, answer } = watched();
    expect(ask(4)).toEqual([]);
    expect(ask(1, gap)).toEqual([]);
    expect(ask(3)).toEqual([]);
    expect(answer()).toBe(false);
  });

  it("is not stalled by a machine that wakes for a moment now and then", () => {
    const { ask } = watched();
    expect(ask(100, 900_000)).toEqual([]);
  });

  it("is found stalled after a sleep too, when it stays so", () => {
    const { ask } = watched();
    expect([...ask(3), ...ask(1, 7_200_000), ...ask(5)]).toEqual([4]);
  });
});
