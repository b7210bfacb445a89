import { expect, test } from "vitest";
import { parseSince } from "../../src/cli/since.js";

const now = Date.UTC(2026, 0, 9, 12);

test.each([
  ["30m", new Date(now - 30 * 60_000)],
  ["2h", new Date(now - 2 * 3_600_000)],
  ["3d", new Date(now - 3 * 86_400_000)],
  ["1w", new Date(now - 7 * 86_400_000)],
  ["2026-01-08", new Date(2026, 0, 8)],
  ["2026-01-08T09:30", new Date(2026, 0, 8, 9, 30)],
  ["2026-01-08 09:30:15", new Date(2026, 0, 8, 9, 30, 15)],
  ["2026-01-08T09:30:15.5Z", new Date(Date.UTC(2026, 0, 8, 9, 30, 15, 500))],
  ["2026-01-08T09:30+02:00", new Date(Date.UTC(2026, 0, 8, 7, 30))],
])("%s is a moment", (text, expected) => {
  expect(parseSince(text, now)).toEqual(expected);
});

test.each(["", "yesterday", "2", "2y", "-2h", "2026", "2026-13-01", "2026-01-09T25:00", "1e3h", "9999999d"])(
  "%j is none",
  (text) => {
    expect(() => parseSince(text, now)).toThrow("It must be an age such as");
  },
);
