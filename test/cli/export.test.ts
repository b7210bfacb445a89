import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { har as validate } from "har-validator";
import { beforeEach, expect, test } from "vitest";
import { sampleEvent } from "../sinks/sample-event.js";
import { temporaryFolder } from "../temporary-folder.js";
import { runOximy } from "./oximy.js";

let env: NodeJS.ProcessEnv;
let home: string;
let lines: string[];

beforeEach(() => {
  home = temporaryFolder();
  env = { OXIMY_HOME: home };
  mkdirSync(join(home, "traces"));
  const events = [
    sampleEvent({ event_id: "1", conversation: { id: "one", turn: 1 } }),
    sampleEvent({ event_id: "2", conversation: { id: "two", turn: 1 } }),
    sampleEvent({ event_id: "3", conversation: { id: "one", turn: 2, parent_event_id: "1" } }),
  ];
  lines = events.map((event) => JSON.stringify(event));
  writeFileSync(join(home, "traces/traces_2026-01-09.jsonl"), `${lines.join("\n")}\n`);
});

test("an archive of all events, or of those that are asked for", async () => {
  for (const [args, count] of [
    [[], 3],
    [["--since", "2026-01-10"], 0],
    [["one"], 2],
  ] as const) {
    const { code, stdout } = await runOximy(["export", "har", ...args], { env });
    expect(code).toBe(0);
    const archive = JSON.parse(stdout);
    await validate(archive);
    expect(archive.log.entries).toHaveLength(count);
  }
});

test("a page of a conversation, in a file that its owner alone can read", async () => {
  const file = join(home, "page.html");
  const { code, stdout } = await runOximy(["export", "html", "3", "--output", file], { env });
  expect([code, stdout]).toEqual([0, ""]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const page = readFileSync(file, "utf8");
  expect(page.match(/<h2>/g)).toHaveLength(2);
  expect(page).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
});

test("lines as they were written", async () => {
  const { stdout } = await runOximy(["export", "jsonl", "one"], { env });
  expect(stdout).toBe(`${lines[0]}\n${lines[2]}\n`);
});

test.each([
  ["a page of everything", ["html"], "A page shows one conversation"],
  ["a form that there is not", ["pdf"], "Allowed choices are har, html, jsonl"],
  ["a conversation that there is not", ["har", "none"], "There is no conversation or event none"],
  ["a conversation and a filter", ["har", "one", "--app", "x"], "A conversation is always exported whole"],
])("says 2 for %s", async (_, args, said) => {
  const { code, stderr } = await runOximy(["export", ...args], { env });
  expect(stderr).toContain(said);
  expect(code).toBe(2);
});
