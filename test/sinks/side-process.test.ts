import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { failureOf } from "../../src/sinks/side-process.js";

test.each([
  ["what it printed", "echo 'no space left' >&2; exit 1", "no space left"],
  ["its exit code", "exit 3", "it exited with code 3"],
  ["the signal", "kill -KILL $$", "it was killed by SIGKILL"],
])("the reason of a failed process is %s", async (_, script, reason) => {
  const child = spawn("sh", ["-c", script], { stdio: ["ignore", "ignore", "pipe"] });
  const failure = failureOf(child);
  await once(child, "close");
  expect(failure()).toBe(reason);
});
