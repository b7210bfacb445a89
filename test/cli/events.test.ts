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
    expect(stdout).toMatch(/^app +events +failed +tokens in +tokens out +~ USD$/m);
    expect(stdout).toMatch(/^Cursor +1 +0 +5 +3 +0\.00033$/m);
    expect(stdout).toMatch(/^openai\/gpt-4 +2 +0 +10 +6 +0\.00066$/m);
    expect(stdout).toMatch(/^total +3 +0 +10 +6/m);
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
});
