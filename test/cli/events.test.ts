import { once } from "node:events";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeEach, describe, expect, it } from "vitest";
import type { OximyEvent } from "../../src/event/event.js";
import { localDate, tracesFileName } from "../../src/sinks/traces-folder.js";
import { sampleEvent } from "../sinks/sample-event.js";
import { temporaryFolder } from "../temporary-folder.js";
import { runOximy, startOximy } from "./oximy.js";

const HOUR = 3_600_000;
const ago = (time: number) => new Date(Date.now() - time).toISOString();
const cursor = { id: "cursor", name: "Cursor", matched_by: "executable" } as const;
const anthropic = {
  source: { type: "api", id: "anthropic", endpoint: null },
  interaction: undefined,
} as const;

let home: string;
let env: NodeJS.ProcessEnv;
let today: string;
const write = (file: string, ...events: OximyEvent[]) =>
  appendFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
const ids = (stdout: string) =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).event_id);

beforeEach(() => {
  home = temporaryFolder();
  env = { OXIMY_HOME: home };
  mkdirSync(join(home, "traces"));
  today = join(home, "traces", tracesFileName(localDate(new Date())));
  write(
    today,
    sampleEvent({ event_id: "old", timestamp: ago(3 * HOUR) }),
    sampleEvent({ event_id: "cursor", timestamp: ago(HOUR), app: cursor }),
    sampleEvent({ event_id: "anthropic", timestamp: ago(0), ...anthropic }),
  );
});

describe("oximy events", () => {
  it.each([
    ["all of them, oldest first", [], ["old", "cursor", "anthropic"]],
    ["those of an app", ["--app", "Cursor"], ["cursor"]],
    ["those to a provider", ["--provider", "anthropic"], ["anthropic"]],
    ["those since a moment", ["--since", "2h"], ["cursor", "anthropic"]],
    ["those before a moment", ["--until", "2h"], ["old"]],
    ["those between two moments", ["--since", "2h", "--until", "30m"], ["cursor"]],
    ["those of a model", ["--model", "GPT-*"], ["old", "cursor"]],
    ["those with a status", ["--status", "2xx"], ["old", "cursor", "anthropic"]],
    ["those that ended well", ["--status", "ok"], ["old", "cursor", "anthropic"]],
    ["those with a text in them", ["--grep", "CURSOR"], ["cursor"]],
  ])("prints %s", async (_, args, expected) => {
    const { code, stdout } = await runOximy(["events", "--json", ...args], { env });
    expect(ids(stdout)).toEqual(expected);
    expect(code).toBe(0);
  });

  it("prints a line for a person each, without colours for a pipe", async () => {
    const { stdout } = await runOximy(["events", "--app", "cursor"], { env });
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d {2}Cursor +openai\/gpt-4 +5 in 3 out/);
    expect(stdout).not.toContain("\x1b");
  });

  it("prints some fields, with tabs between or as JSON", async () => {
    const fields = ["--fields", "event_id,app.name,interaction.response.usage,client.repo.root"];
    const cells = await runOximy(["events", "--app", "cursor", ...fields], { env });
    expect(cells.stdout).toBe('cursor\tCursor\t{"input_tokens":5,"output_tokens":3}\t\n');
    const json = await runOximy(
      ["events", "--json", "--app", "cursor", "--fields", "event_id,interaction.response.content"],
      { env },
    );
    expect(JSON.parse(json.stdout)).toEqual({
      event_id: "cursor",
      "interaction.response.content": "Hi there!",
    });
  });

  it("prints what was said when it is asked to", async () => {
    const { stdout } = await runOximy(["events", "--app", "cursor", "--show-content"], { env });
    expect(stdout.split("\n").slice(1, 5)).toEqual(["  user:", "    Hello", "  assistant:", "    Hi there!"]);
  });

  it.each([
    ["a status", ["--status", "bad"], "It must be statuses such as"],
    ["a field", ["--fields", "a b"], "It must be names of fields"],
  ])("says 2 for %s that is none", async (_, args, said) => {
    const { code, stderr } = await runOximy(["events", ...args], { env });
    expect(stderr).toContain(said);
    expect(code).toBe(2);
  });

  it("finds the folder by flag before variable before file", async () => {
    const folders = ["flag", "variable", "file"].map((name) => {
      const folder = join(home, name);
      mkdirSync(folder);
      write(join(folder, "traces_2026-01-09.jsonl"), sampleEvent({ event_id: name }));
      return folder;
    });
    writeFileSync(join(home, "config.json"), JSON.stringify({ output_dir: folders[2], all_hosts: true }));
    const found = async (args: string[], more: NodeJS.ProcessEnv) =>
      ids((await runOximy(["events", "--json", ...args], { env: { ...env, ...more } })).stdout);
    const variable = { OXIMY_OUTPUT_DIR: folders[1] };
    expect(await found([], {})).toEqual(["file"]);
    expect(await found([], variable)).toEqual(["variable"]);
    expect(await found(["--output-dir", folders[0]!], variable)).toEqual(["flag"]);
  });

  it("says so when there are none", async () => {
    const { code, stdout, stderr } = await runOximy(["events", "--app", "none"], { env });
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toContain(`No such events in ${join(home, "traces")}`);
  });

  it("says 2 for a moment that is none", async () => {
    const { code, stderr } = await runOximy(["events", "--since", "soon"], { env });
    expect(stderr).toContain("It must be an age such as");
    expect(code).toBe(2);
  });

  it("ends in peace when its reader goes", async () => {
    write(today, ...Array.from({ length: 5_000 }, () => sampleEvent()));
    const child = startOximy(["events", "--json"], env);
    let complaint = "";
    child.stderr!.on("data", (chunk) => {
      complaint += chunk;
    });
    child.stdout!.once("data", () => child.stdout!.destroy());
    const [code] = await once(child, "close");
    expect([code, complaint]).toEqual([0, ""]);
  });

  it("follows: what there is since a moment, then what comes, each once, until Ctrl-C", async () => {
    const child = startOximy(["events", "--follow", "--json", "--since", "2h"], env);
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value).event_id;
    expect([await next(), await next()]).toEqual(["cursor", "anthropic"]);
    write(today, sampleEvent({ event_id: "new", timestamp: ago(0) }));
    expect(await next()).toBe("new");
    child.kill("SIGINT");
    expect((await once(child, "exit"))[0]).toBe(130);
  });
});

describe("oximy stats", () => {
  it("sums by app, model and day", async () => {
    const { code, stdout } = await runOximy(["stats"], { env });
    expect(stdout).toMatch(
      /^app +events +calls +failed +tokens in +cached +written +tokens out +~ USD +p50 +p95 +first p50 +first p95$/m,
    );
    expect(stdout).toMatch(
      /^Cursor +1 +1 +0 +5 +0 +0 +3 +0\.00033 +12\d\d ms +12\d\d ms +4[56]\d ms +4[56]\d ms$/m,
    );
    expect(stdout).toMatch(/^openai\/gpt-4 +2 +2 +0 +10 +0 +0 +6 +0\.00066 /m);
    expect(stdout).toMatch(/^total +3 +2 +0 +10 +0 +0 +6/m);
    expect(code).toBe(0);
  });

  it("sums since a moment, as JSON", async () => {
    const { stdout } = await runOximy(["stats", "--json", "--since", "2h"], { env });
    expect(JSON.parse(stdout)).toMatchObject({
      total: { events: 2, input_tokens: 5 },
      by_app: [{ events: 1 }, { events: 1 }],
      by_day: expect.any(Array),
    });
  });

  it("has a row for each combination of what it is asked for", async () => {
    const { stdout } = await runOximy(["stats", "--json", "--by", "model,app"], { env });
    const rows = JSON.parse(stdout).rows.map(({ model, app, events }: Record<string, unknown>) => [
      model,
      app,
      events,
    ]);
    expect(rows).toEqual([
      ["anthropic", "node", 1],
      ["openai/gpt-4", "Cursor", 1],
      ["openai/gpt-4", "node", 1],
    ]);
  });

  it("prints values with commas between, of which none is a formula", async () => {
    const app = { ...cursor, name: '=1+1,"2"' };
    write(today, sampleEvent({ event_id: "formula", timestamp: ago(0), app }));
    const { stdout } = await runOximy(["stats", "--csv", "--by", "app", "--grep", "formula"], { env });
    expect(stdout.split("\n")).toEqual([
      "app,events,calls,failed,input_tokens,cache_read_tokens,cache_creation_tokens,output_tokens,cost_usd," +
        "duration_p50_ms,duration_p95_ms,ttfb_p50_ms,ttfb_p95_ms",
      expect.stringMatching(/^"'=1\+1,""2""",1,1,0,5,0,0,3,0\.00033,12\d\d,12\d\d,4[56]\d,4[56]\d$/),
      "",
    ]);
  });

  it.each([
    [
      "what events are not told apart by",
      ["--by", "colour"],
      "It must be some of app,model,day,project,user",
    ],
    ["a dimension twice", ["--by", "app,app"], "each once"],
    ["two forms at once", ["--json", "--csv"], "cannot be used with"],
  ])("says 2 for %s", async (_, args, said) => {
    const { code, stderr } = await runOximy(["stats", ...args], { env });
    expect(stderr).toContain(said);
    expect(code).toBe(2);
  });
});
