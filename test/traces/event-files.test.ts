import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import type { OximyEvent } from "../../src/event/event.js";
import { feedLine } from "../../src/sinks/feed.js";
import { numberFile } from "../../src/sinks/numbered-file.js";
import { localDate, tracesFileName } from "../../src/sinks/traces-folder.js";
import { readEvents } from "../../src/traces/event-files.js";
import type { EventFilter } from "../../src/traces/event-filter.js";
import { summarise } from "../../src/traces/event-stats.js";
import { followEvents } from "../../src/traces/follow.js";
import { LineSplitter } from "../../src/traces/lines.js";
import { sampleEvent } from "../sinks/sample-event.js";
import { temporaryFolder } from "../temporary-folder.js";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});

const lineOf = (event: OximyEvent) => `${JSON.stringify(event)}\n`;
const comet = { id: "comet", name: "Comet", matched_by: "bundle_id" } as const;

function fill(): void {
  writeFileSync(
    join(folder, "traces_2026-01-08.jsonl"),
    lineOf(sampleEvent({ event_id: "1", timestamp: new Date(2026, 0, 8, 12).toISOString(), app: comet })),
  );
  writeFileSync(
    join(folder, "traces_2026-01-09.jsonl"),
    lineOf(sampleEvent({ event_id: "2", timestamp: new Date(2026, 0, 9, 9).toISOString() })) +
      '{"event_id":"torn\n' +
      lineOf(sampleEvent({ event_id: "3", timestamp: new Date(2026, 0, 9, 15).toISOString(), app: comet })),
  );
  writeFileSync(join(folder, "notes.txt"), "not ours");
}

test.each<[string, EventFilter, string[]]>([
  ["all, the oldest file first, torn lines left out", {}, ["1", "2", "3"]],
  ["by app", { app: "comet" }, ["1", "3"]],
  ["by process", { app: "NODE" }, ["1", "2", "3"]],
  ["by provider", { provider: "OpenAI" }, ["1", "2", "3"]],
  ["by another provider", { provider: "anthropic" }, []],
  ["since a moment", { since: new Date(2026, 0, 9, 12) }, ["3"]],
])("events are read %s", async (_, filter, expected) => {
  fill();
  const ids: string[] = [];
  for await (const event of readEvents(folder, filter)) ids.push(event.event_id);
  expect(ids).toEqual(expected);
});

test("what is no event is left out, events of the first implementation are not", async () => {
  const source = { type: "api", id: "openai", endpoint: null };
  const request = { messages: [{ role: "user", content: "Hello" }] };
  const first = {
    event_id: "1",
    timestamp: "2026-01-09T12:00:00.000Z",
    source,
    trace_level: "full",
    timing: {},
  };
  const later = { ...first, event_id: "2", interaction: { type: "chat", data: { request } } };
  const lines = [first, { ...later, client: { port: 1 } }, { a: 1 }, [], null, 7];
  writeFileSync(
    join(folder, "traces_2026-01-09.jsonl"),
    lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
  );
  mkdirSync(join(folder, "traces_2026-01-10.jsonl"));
  const { total } = await summarise(readEvents(folder));
  expect(total.events).toBe(2);
  for await (const event of readEvents(folder, { app: "none" })) expect.unreachable(event.event_id);
  for await (const event of readEvents(folder))
    expect(feedLine(event, { colour: "none" })).toContain("openai");
});

test("a folder that cannot be read is told", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  await expect(readEvents(file).next()).rejects.toMatchObject({ code: "OXIMY_E_OUTPUT_DIR" });
});

test("a folder that is not there has no events", async () => {
  for await (const event of readEvents(join(folder, "none"))) expect.fail(event.event_id);
});

test("followed, a folder gives the events that are added, and those of a new file", async () => {
  const today = new Date();
  const path = join(folder, tracesFileName(localDate(today)));
  writeFileSync(path, lineOf(sampleEvent({ event_id: "old" })));
  const stop = new AbortController();
  const events = followEvents(folder, {}, stop.signal);
  const first = events.next();
  appendFileSync(path, lineOf(sampleEvent({ event_id: "1" })));
  expect((await first).value.event_id).toBe("1");
  const tomorrow = new Date(today.getFullYear(), today.getMonth(), today.getDate() + 1);
  writeFileSync(join(folder, tracesFileName(localDate(tomorrow))), lineOf(sampleEvent({ event_id: "2" })));
  expect((await events.next()).value.event_id).toBe("2");
  stop.abort();
  expect((await events.next()).done).toBe(true);
});

test("followed, a full file that gets a number is read to its end, and its name goes to a new one", async () => {
  const date = localDate(new Date());
  const path = join(folder, tracesFileName(date));
  writeFileSync(path, lineOf(sampleEvent({ event_id: "old" })));
  const stop = new AbortController();
  const events = followEvents(folder, {}, stop.signal);
  const first = events.next();
  appendFileSync(path, lineOf(sampleEvent({ event_id: "1" })));
  expect((await first).value.event_id).toBe("1");
  appendFileSync(path, lineOf(sampleEvent({ event_id: "2" })));
  numberFile(folder, date);
  writeFileSync(path, lineOf(sampleEvent({ event_id: "3" })));
  expect((await events.next()).value.event_id).toBe("2");
  expect((await events.next()).value.event_id).toBe("3");
  stop.abort();
  expect((await events.next()).done).toBe(true);
});

test("lines are put together from pieces, one that is too long is left out", () => {
  const splitter = new LineSplitter(8);
  const said = (text: string) => splitter.push(Buffer.from(text)).map(String);
  expect(said("one\ntw")).toEqual(["one"]);
  expect(said("o\n\nmuch too ")).toEqual(["two", ""]);
  expect(said("long\nthree")).toEqual([]);
  expect(String(splitter.rest())).toBe("three");
  expect(splitter.rest()).toBeUndefined();
});

test("a compressed file that is damaged is told by its name", async () => {
  const name = "traces_2026-01-09.0001.jsonl.br";
  writeFileSync(join(folder, name), Buffer.alloc(64, 0xff));
  await expect(readEvents(folder).next()).rejects.toThrow(name);
});

test("sums are made by app, model and day", async () => {
  fill();
  const stats = await summarise(readEvents(folder));
  expect(stats.total).toMatchObject({ events: 3, failed: 0, input_tokens: 15, output_tokens: 9 });
  expect(stats.total.cost_usd).toBeCloseTo(0.00099);
  const rows = stats.tables.map((table) => table.rows.map(({ keys, events }) => [...keys, events]));
  expect(rows).toEqual([
    [
      ["Comet", 2],
      ["node", 1],
    ],
    [["openai/gpt-4", 3]],
    [
      ["2026-01-08", 1],
      ["2026-01-09", 2],
    ],
  ]);
});
