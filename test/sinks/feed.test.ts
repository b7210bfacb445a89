import { expect, test } from "vitest";
import { colourOf, feedLine, money } from "../../src/sinks/feed.js";
import { localClock } from "../../src/sinks/traces-folder.js";
import { sampleEvent } from "./sample-event.js";

const plain = { colour: "none" } as const;
const clock = localClock(new Date(sampleEvent().timestamp));

test("a line says when, who, what, how much, how long and how it ended", () => {
  expect(feedLine(sampleEvent(), plain)).toBe(
    `${clock}  node (4711)         openai/gpt-4                    5 in 3 out  1234 ms  200  ~$0.00033`,
  );
});

test("an app is called by its name", () => {
  const app = { id: "comet", name: "Comet", matched_by: "bundle_id" } as const;
  expect(feedLine(sampleEvent({ app }), plain)).toContain("  Comet  ");
});

test("an identifiable event says why it was not read", () => {
  const event = sampleEvent({
    trace_level: "identifiable",
    interaction: undefined,
    client: { unknown: "timeout", port: 1 },
    timing: { duration_ms: 61_500 },
    metadata: { request_host: "chatgpt.com", reason: "runtime_does_not_trust" },
  });
  expect(feedLine(event, plain)).toBe(
    `${clock}  unknown             openai                          61.5 s  (runtime_does_not_trust)`,
  );
});

test("an error is red", () => {
  const metadata = { ...sampleEvent().metadata, response_status: 429 };
  expect(feedLine(sampleEvent({ metadata }), { colour: "ansi" })).toContain("\x1b[31m429\x1b[0m");
});

test("what others named cannot steer the terminal", () => {
  const event = sampleEvent({ client: { port: 1, name: "evil\x1b[2J\nname\u202e" } });
  expect(feedLine(event, plain)).toContain("evil\ufffd[2J\ufffdname\ufffd");
});

test.each([
  [0, "0"],
  [0.00033, "0.00033"],
  [0.0123456, "0.012"],
  [0.5, "0.50"],
  [12.345, "12.35"],
])("%d dollars are written %s", (usd, text) => {
  expect(money(usd)).toBe(text);
});

test.each([40, 50, 60, 76, 80, 100, 120, 200])("a line fits a terminal of %d columns", (width) => {
  const app = { id: "long", name: "An app with a name that goes on and on", matched_by: "script" } as const;
  const metadata = { ...sampleEvent().metadata, error: "the server closed the connection before the end" };
  for (const event of [sampleEvent(), sampleEvent({ app, metadata })]) {
    const line = feedLine(event, { colour: "none", width });
    expect([...line].length).toBeLessThanOrEqual(width);
    expect(
      feedLine(event, { colour: "ansi", width })
        .replace(/\x1b\[[\d;]*m/g, "")
        .trimEnd(),
    ).toBe(line);
  }
});

test("columns stand under each other", () => {
  const short = sampleEvent({ app: { id: "a", name: "A", matched_by: "script" } });
  const lines = [short, sampleEvent()].map((event) => feedLine(event, { colour: "none", width: 120 }));
  expect(lines).toEqual([
    `${clock}  A                   openai/gpt-4                          5 in      3 out  1234 ms  200  ~$0.00033`,
    `${clock}  node (4711)         openai/gpt-4                          5 in      3 out  1234 ms  200  ~$0.00033`,
  ]);
});

test("an app has the same colour in each line, and others have others", () => {
  expect(colourOf("Cursor")).toBe(colourOf("Cursor"));
  const colours = new Set(["Cursor", "Claude Code", "Codex", "Comet", "node", "python"].map(colourOf));
  expect(colours.size).toBeGreaterThan(2);
});
