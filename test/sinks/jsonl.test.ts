import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OximyError } from "../../src/errors.js";
import { type JsonlSinkOptions, openJsonlSink } from "../../src/sinks/jsonl.js";
import type { Sink } from "../../src/sinks/sink.js";
import { temporaryFolder } from "../temporary-folder.js";
import { sampleEvent } from "./sample-event.js";

let home: string;
let folder: string;
const sinks: Sink[] = [];

beforeEach(() => {
  home = temporaryFolder();
  folder = join(home, "a", "traces");
});

afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close();
});

function open(options: Partial<JsonlSinkOptions> = {}): Sink {
  const sink = openJsonlSink({ folder, retryMs: 5, ...options });
  sinks.push(sink);
  return sink;
}

const noon = new Date(2026, 0, 9, 12);
const NAME = "traces_2026-01-09.jsonl";
const at = (time: Date) => ({ now: () => time });

function idsIn(name: string): string[] {
  return readFileSync(join(folder, name), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line).event_id);
}

test("an event is one line of the local day's file, there when write returns", () => {
  const sink = open(at(noon));
  sink.write(sampleEvent({ event_id: "1" }));
  sink.write(sampleEvent({ event_id: "2" }));
  expect(idsIn(NAME)).toEqual(["1", "2"]);
  expect(sink.stats()).toEqual({ written: 2, queued: 0, lost: 0 });
});

test("while corked, events wait for the end of the turn, and are there when uncork returns", () => {
  const sink = open(at(noon));
  sink.cork();
  sink.write(sampleEvent({ event_id: "1" }));
  sink.write(sampleEvent({ event_id: "2" }));
  expect(sink.stats()).toEqual({ written: 0, queued: 2, lost: 0 });
  sink.uncork();
  expect(idsIn(NAME)).toEqual(["1", "2"]);
  expect(sink.stats()).toEqual({ written: 2, queued: 0, lost: 0 });
});

test("more than fits in one write is written in order, also while corked", () => {
  const sink = open(at(noon));
  const long = { request_host: "api.openai.com", error: "x".repeat(200_000) };
  const longer = { request_host: "api.openai.com", error: "x".repeat(400_000) };
  sink.cork();
  for (const id of ["1", "2", "3", "4"]) {
    const metadata = id === "3" ? longer : long;
    sink.write(sampleEvent({ event_id: id, metadata }));
  }
  sink.uncork();
  expect(idsIn(NAME)).toEqual(["1", "2", "3", "4"]);
});

test("folder and file are the user's alone", () => {
  open(at(noon)).write(sampleEvent());
  expect(statSync(join(home, "a")).mode & 0o777).toBe(0o700);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder, NAME)).mode & 0o777).toBe(0o600);
});

test.runIf(process.geteuid?.() === 0)("what is made is given to the group that is asked for", () => {
  open({ ...at(noon), group: { gid: 12345 } }).write(sampleEvent());
  for (const path of [join(home, "a"), folder, join(folder, NAME)]) expect(statSync(path).gid).toBe(12345);
});

test("after midnight the next day's file is written, and old days go", () => {
  let now = new Date(2026, 0, 9, 23, 59, 59);
  const sink = open({ now: () => now, keepDays: 2 });
  writeFileSync(join(folder, "traces_2026-01-08.jsonl"), "");
  writeFileSync(join(folder, "traces_2026-01-08.jsonl.bak"), "");
  sink.write(sampleEvent({ event_id: "1" }));
  now = new Date(2026, 0, 10, 0, 0, 0);
  sink.write(sampleEvent({ event_id: "2" }));
  expect(readdirSync(folder).sort()).toEqual([
    "traces_2026-01-08.jsonl.bak",
    NAME,
    "traces_2026-01-10.jsonl",
  ]);
  expect(idsIn(NAME)).toEqual(["1"]);
  expect(idsIn("traces_2026-01-10.jsonl")).toEqual(["2"]);
});

test("an idle process moves on to the next day by itself", async () => {
  const begin = Date.now();
  const beforeMidnight = new Date(2026, 0, 9, 23, 59, 59, 950).getTime();
  open({ now: () => new Date(beforeMidnight + Date.now() - begin) });
  await expect.poll(() => existsSync(join(folder, "traces_2026-01-10.jsonl"))).toBe(true);
});

test("a line torn by a crash is closed before the next event", () => {
  open(at(noon)).write(sampleEvent({ event_id: "1" }));
  appendFileSync(join(folder, NAME), '{"event_id":"to');
  open(at(noon)).write(sampleEvent({ event_id: "2" }));
  const lines = readFileSync(join(folder, NAME), "utf8").split("\n");
  expect(lines).toHaveLength(4);
  expect(lines[1]).toBe('{"event_id":"to');
  expect(JSON.parse(lines[2] ?? "").event_id).toBe("2");
});

test("a folder that is removed is made again, and no event after that is lost", () => {
  const sink = open(at(noon));
  sink.write(sampleEvent({ event_id: "1" }));
  rmSync(join(home, "a"), { recursive: true });
  sink.write(sampleEvent({ event_id: "2" }));
  expect(idsIn(NAME)).toEqual(["2"]);
});

test("events wait in order while there is no place for them, within bounds, and it is told once", async () => {
  const told: string[] = [];
  const line = Buffer.byteLength(JSON.stringify(sampleEvent({ event_id: "0" }))) + 1;
  const sink = open({
    ...at(noon),
    maxQueueBytes: 3 * line,
    log: (level, message) => told.push(`${level}: ${message}`),
  });
  sink.write(sampleEvent({ event_id: "0" }));
  rmSync(folder, { recursive: true });
  writeFileSync(folder, "a file is in the way");
  for (const id of ["1", "2", "3", "4", "5"]) sink.write(sampleEvent({ event_id: id }));
  await sink.flush();
  expect(sink.stats()).toEqual({ written: 1, queued: 3, lost: 2 });
  rmSync(folder);
  await expect.poll(() => sink.stats().queued).toBe(0);
  expect(idsIn(NAME)).toEqual(["1", "2", "3"]);
  expect(sink.stats()).toEqual({ written: 4, queued: 0, lost: 2 });
  expect(told).toHaveLength(2);
  expect(told[0]).toMatch(/^warn: Events cannot be written to .*ENOTDIR|EEXIST/);
  expect(told[1]).toMatch(/^info: .*again; 2 were lost\.$/);
});

test("a midnight at which the folder is not there does not stop the next event", async () => {
  const begin = Date.now();
  const beforeMidnight = new Date(2026, 0, 9, 23, 59, 59, 900).getTime();
  const told: string[] = [];
  const sink = open({
    now: () => new Date(beforeMidnight + Date.now() - begin),
    log: (level) => told.push(level),
  });
  rmSync(folder, { recursive: true });
  writeFileSync(folder, "a file is in the way");
  await expect.poll(() => told).toEqual(["warn"]);
  rmSync(folder);
  sink.write(sampleEvent());
  await expect.poll(() => sink.stats()).toEqual({ written: 1, queued: 0, lost: 0 });
});

test("what cannot be written until the end is counted", async () => {
  const sink = open(at(noon));
  rmSync(folder, { recursive: true });
  writeFileSync(folder, "a file is in the way");
  sink.write(sampleEvent());
  await sink.close();
  await sink.close();
  sink.write(sampleEvent());
  expect(sink.stats()).toEqual({ written: 0, queued: 0, lost: 2 });
});

test("a folder that cannot be written is an error with code and advice", () => {
  writeFileSync(join(home, "a"), "not a folder");
  const attempt = () => open();
  expect(attempt).toThrow(OximyError);
  expect(attempt).toThrow(/Cannot write events to .*traces/);
  try {
    attempt();
  } catch (error) {
    expect(error).toMatchObject({
      code: "OXIMY_E_OUTPUT_DIR",
      advice: expect.stringContaining("--output-dir"),
    });
  }
});

test("a file that others may read is closed to them", () => {
  open(at(noon)).write(sampleEvent());
  chmodSync(join(folder, NAME), 0o644);
  open(at(noon));
  expect(statSync(join(folder, NAME)).mode & 0o777).toBe(0o600);
});
