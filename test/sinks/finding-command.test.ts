import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { FindingCommand } from "../../src/sinks/finding-command.js";
import { temporaryFolder } from "../temporary-folder.js";
import { sampleEvent } from "./sample-event.js";

const found = sampleEvent({ findings: [{ rule: "credential", where: "request" }] });
let folder: string;
let said: string[];
beforeEach(() => {
  folder = temporaryFolder();
  said = [];
  vi.spyOn(process, "geteuid").mockReturnValue(1000);
});

function commandOf(script: string, options: { longestMs?: number; now?: () => number } = {}): FindingCommand {
  const command = join(folder, "a command; with $(marks)");
  writeFileSync(command, `#!/bin/sh\n${script}\n`);
  chmodSync(command, 0o700);
  return new FindingCommand({ command, log: (_, message) => said.push(message), ...options });
}

test("it is told what was found where, and nothing that was said", async () => {
  const output = join(folder, "output");
  commandOf(`cat > '${output}.new' && mv '${output}.new' '${output}'`).notify(found);
  await expect.poll(() => existsSync(output), { timeout: 15_000 }).toBe(true);
  const told = readFileSync(output, "utf8");
  expect(JSON.parse(told)).toEqual({
    event_id: found.event_id,
    timestamp: found.timestamp,
    source: "openai",
    app: "node",
    findings: [{ rule: "credential", where: "request" }],
    left_out: 0,
  });
  expect(told).not.toContain("Hello");
});

test("an event without a finding is none of its business", () => {
  commandOf("exit 0").notify(sampleEvent());
  expect(existsSync(join(folder, "output"))).toBe(false);
});

test("one that does not end is ended, and meanwhile at most two run", async () => {
  const ran = join(folder, "ran");
  const command = commandOf(`echo >> '${ran}'; exec sleep 60`, { longestMs: 500 });
  for (let at = 0; at < 10; at += 1) command.notify(found);
  const count = () => (existsSync(ran) ? readFileSync(ran, "utf8").length : 0);
  await expect.poll(count, { timeout: 15_000 }).toBe(2);
  await expect
    .poll(
      () => {
        command.notify(found);
        return count();
      },
      { timeout: 15_000 },
    )
    .toBeGreaterThan(2);
  command.close();
});

test("one that is not there is said once", async () => {
  const command = new FindingCommand({
    command: join(folder, "none"),
    log: (_, message) => said.push(message),
  });
  command.notify(found);
  await expect.poll(() => said.length).toBe(1);
  command.notify(found);
  expect(said).toEqual([expect.stringContaining("ENOENT")]);
});

test("root does not run it", () => {
  vi.spyOn(process, "geteuid").mockReturnValue(0);
  commandOf("exit 0").notify(found);
  expect(said).toEqual([expect.stringContaining("it is not run as root")]);
});
