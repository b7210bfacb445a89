import { expect, test } from "vitest";
import { AppSummary } from "../../src/traces/app-summary.js";
import { SAMPLE_METADATA, sampleEvent } from "../sinks/sample-event.js";

const cursor = { id: "cursor", name: "Cursor", matched_by: "executable" } as const;

test("each app stands with what it did, the one with most events first", () => {
  const summary = new AppSummary();
  summary.add(sampleEvent());
  for (const response_status of [200, 500])
    summary.add(sampleEvent({ app: cursor, metadata: { ...SAMPLE_METADATA, response_status } }));
  summary.add(sampleEvent({ app: cursor, interaction: undefined }));
  expect(summary.lines()).toEqual([
    "  Cursor  3 events, 1 failed, 1 not read, 10 tokens in, 6 out, ~$0.00066",
    "  node    1 event, 5 tokens in, 3 out, ~$0.00033",
  ]);
});

test("of many apps the first twenty are shown", () => {
  const summary = new AppSummary();
  expect(summary.isEmpty).toBe(true);
  for (let at = 0; at < 25; at += 1) summary.add(sampleEvent({ app: { ...cursor, name: `App ${at}` } }));
  expect(summary.lines()).toHaveLength(21);
  expect(summary.lines().at(-1)).toBe("  and 5 more");
});

test("names beyond a bound are one", () => {
  const summary = new AppSummary();
  for (let at = 0; at < 1_100; at += 1) summary.add(sampleEvent({ app: { ...cursor, name: `App ${at}` } }));
  expect(summary.lines()[0]).toMatch(/^ {2}others +100 events/);
});
