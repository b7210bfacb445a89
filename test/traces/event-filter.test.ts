import { Buffer } from "node:buffer";
import { expect, test } from "vitest";
import type { OximyEvent } from "../../src/event/event.js";
import {
  type EventFilter,
  matchesFilter,
  type StatusTerm,
  textPattern,
} from "../../src/traces/event-filter.js";
import { SAMPLE_INTERACTION, SAMPLE_METADATA, sampleEvent } from "../sinks/sample-event.js";

const withModel = (model: string | null) =>
  sampleEvent({ interaction: { ...SAMPLE_INTERACTION, model, request: {} } });
const withStatus = (response_status?: number, error?: string): OximyEvent => {
  const { response_status: _, ...rest } = SAMPLE_METADATA;
  const metadata = { ...rest, ...(response_status && { response_status }), ...(error && { error }) };
  return sampleEvent({ metadata });
};

test.each<[pattern: string, model: string, matches: boolean]>([
  ["gpt-4o", "gpt-4o", true],
  ["GPT-4O", "gpt-4o", true],
  ["gpt-4", "gpt-4o", false],
  ["gpt-*", "gpt-4o", true],
  ["*sonnet*", "claude-sonnet-4-5", true],
  ["claude-*-4-*", "claude-sonnet-4-5", true],
  ["claude-*-5", "claude-sonnet-4-1", false],
  ["a*a", "a", false],
  ["a*ba*ba", "aba", false],
  ["*", "anything", true],
  ["gpt.4o", "gpt-4o", false],
])("the model pattern %s and the model %s: %s", (pattern, model, matches) => {
  expect(matchesFilter(withModel(model), { model: pattern })).toBe(matches);
});

test("the model that was asked for counts where none answered", () => {
  expect(
    matchesFilter(sampleEvent({ interaction: { ...SAMPLE_INTERACTION, model: null } }), { model: "gpt-4" }),
  ).toBe(true);
  expect(matchesFilter(sampleEvent({ interaction: undefined }), { model: "*" })).toBe(false);
});

test("a pattern of many stars is no work", () => {
  expect(matchesFilter(withModel("a".repeat(5_000)), { model: `${"*a".repeat(2_000)}b` })).toBe(false);
});

test.each<[string, StatusTerm[], OximyEvent, boolean]>([
  ["429", [{ from: 429, to: 429 }], withStatus(429), true],
  ["4xx", [{ from: 400, to: 499 }], withStatus(500), false],
  [
    "4xx or 500",
    [
      { from: 400, to: 499 },
      { from: 500, to: 500 },
    ],
    withStatus(500),
    true,
  ],
  ["ok", ["ok"], withStatus(204), true],
  ["ok", ["ok"], withStatus(404), false],
  ["ok", ["ok"], withStatus(), false],
  ["failed", ["failed"], withStatus(404), true],
  ["failed", ["failed"], withStatus(200, "client_aborted"), true],
  ["failed", ["failed"], withStatus(200), false],
])("%s (%#)", (_, status, event, matches) => {
  expect(matchesFilter(event, { status })).toBe(matches);
});

test.each<[string, EventFilter, boolean]>([
  ["from its moment on", { since: new Date("2026-01-09T19:56:26.420Z") }, true],
  ["after it", { since: new Date("2026-01-09T19:56:26.421Z") }, false],
  ["up to its moment", { until: new Date("2026-01-09T19:56:26.420Z") }, false],
  ["beyond it", { until: new Date("2026-01-09T19:56:26.421Z") }, true],
  ["without a finding", { findings: true }, false],
  ["of another user", { uid: 1001 }, false],
])("an event is there %s: %s", (_, filter, matches) => {
  expect(matchesFilter(sampleEvent(), filter)).toBe(matches);
});

test.each<[text: string, said: string, matches: boolean]>([
  ["hello", "Say HELLO", true],
  ['"quoted"', 'he "quoted" it', true],
  ["two\nlines", "two\nlines", true],
  ["a.c", "abc", false],
  ["(a", "(a)", true],
  ["größe", "GRÖSSE und Größe", true],
  ["日本", "das 日本語", true],
  ["c:\\temp", "C:\\Temp", true],
])("the text %j in %j: %s", (text, said, matches) => {
  expect(textPattern(text).matches(Buffer.from(JSON.stringify({ said })))).toBe(matches);
});
