import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import type { OximyEvent } from "../../src/event/event.js";
import { SAMPLE_INTERACTION, sampleEvent } from "../sinks/sample-event.js";
import { temporaryFolder } from "../temporary-folder.js";
import { runOximy } from "./oximy.js";

const ids = ["019ba454-e7b4-7600-9e5e-376227eb4541", "019ba454-e7b4-7600-9e5e-376227eb4542"] as const;
const messages = [
  { role: "user", content: "Fix the\ntest, please\x1b[2J" },
  { role: "assistant", content: "I see." },
  { role: "user", content: "Thanks" },
];

let env: NodeJS.ProcessEnv;
let lines: string[];

/** A conversation whose first call is in a compressed file, and whose second is in a plain one. */
beforeEach(() => {
  const home = temporaryFolder();
  const folder = join(home, "traces");
  env = { OXIMY_HOME: home };
  mkdirSync(folder);
  const client = { uid: 1000, user: "ana", name: "agent", cwd: "/work/shop", port: 1 };
  const call = (turn: number): OximyEvent =>
    sampleEvent({
      event_id: ids[turn - 1]!,
      timestamp: `2026-01-09T12:00:0${turn}.000Z`,
      client,
      conversation: { id: "session-1", turn, ...(turn === 2 && { parent_event_id: ids[0] }) },
      interaction: { ...SAMPLE_INTERACTION, request: { messages: messages.slice(0, 2 * turn - 1) } },
    });
  lines = [1, 2].map((turn) => `${JSON.stringify(call(turn), null, 0)}\n`);
  writeFileSync(join(folder, "traces_2026-01-09.0001.jsonl.br"), brotliCompressSync(lines[0]!));
  writeFileSync(join(folder, "traces_2026-01-09.jsonl"), `${lines[1]}${JSON.stringify(sampleEvent())}\n`);
});

describe("over plain and compressed files", () => {
  it("sessions lists each conversation", async () => {
    const { stdout, code } = await runOximy(["sessions"], { env });
    expect(stdout).toMatch(
      /agent {2}ana {2}shop {2}gpt-4 {2}2 calls {2}10 in 6 out\n {2}session-1 {2}Fix the test, please\ufffd\[2J\n$/,
    );
    expect(code).toBe(0);
    const json = await runOximy(["sessions", "--json", "--app", "other"], { env });
    expect(json.stdout).toBe("[]\n");
  });

  it.each([["session-1"], [ids[1]]])("show prints one, by its id or by that of an event: %s", async (id) => {
    const { stdout } = await runOximy(["show", id], { env });
    expect(stdout.match(/^── /gm)).toHaveLength(2);
    expect(stdout.match(/Fix the/g)).toHaveLength(1);
    expect(stdout).toContain("user:\n  Thanks\nassistant:\n  Hi there!\n");
    expect(stdout).not.toContain("\x1b");
  });

  it("diff tells what two requests differ in", async () => {
    const { stdout } = await runOximy(["diff", ...ids], { env });
    expect(stdout).toContain("messages: 1 and 3, the first 1 the same\n");
    expect(stdout).toContain("cache: the first request is a prefix of the second\n");
  });

  it("events prints the lines as they were written", async () => {
    const { stdout } = await runOximy(["events", "--json"], { env });
    expect(stdout.startsWith(lines.join(""))).toBe(true);
  });

  it("what is not there is told", async () => {
    const shown = await runOximy(["show", "none"], { env });
    expect([shown.code, shown.stderr]).toEqual([2, expect.stringContaining("no conversation or event none")]);
    const differing = await runOximy(["diff", "none", ids[0]], { env });
    expect([differing.code, differing.stderr]).toEqual([2, expect.stringContaining("no event none")]);
  });
});
