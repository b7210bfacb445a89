import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { loadNative, NATIVE_BINARIES } from "../../src/native/native.js";

const ADDON = JSON.stringify(NATIVE_BINARIES.find((file) => fs.existsSync(file)));
const FOR_EVER = 600_000;

/** A thread that no exit of Node's ends: it waits in the system for a pipe that nobody else opens. */
const HANGING_THREAD = `
  const { Worker } = require("node:worker_threads");
  const { execFileSync } = require("node:child_process");
  const { mkdtempSync } = require("node:fs");
  const folder = mkdtempSync(require("node:path").join(require("node:os").tmpdir(), "oximy-"));
  execFileSync("mkfifo", [folder + "/pipe"]);
  const worker = new Worker(
    'require("node:worker_threads").parentPort.postMessage("now"); require("node:fs").openSync(' + JSON.stringify(folder + "/pipe") + ')',
    { eval: true },
  );
`;

function run(script: string) {
  const child = spawn(process.execPath, ["-e", `const native = require(${ADDON});${script}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

describe.skipIf(loadNative().implementation === "none")("a process", () => {
  it("ends with its code, although a thread hangs that its exit waits for", async () => {
    const child = run(`${HANGING_THREAD}
      worker.once("message", () => { native.exitAtLatest(300, 7); process.exit(7); });`);
    expect(await once(child, "exit")).toEqual([7, null]);
  });

  it("ends by itself when it does so earlier", async () => {
    const child = run(`native.exitAtLatest(${FOR_EVER}, 7); process.exit(3);`);
    expect(await once(child, "exit")).toEqual([3, null]);
  });

  it("does not outlive its parent, although it does nothing any more", async () => {
    const script = fileURLToPath(import.meta.url); // any argument that tells them apart
    const parent = run(`
      const { spawn } = require("node:child_process");
      const busy = "const native = require(" + ${JSON.stringify(ADDON)} + ");" +
        "native.outliveParentAtMost(100); console.log(process.pid); for (;;);";
      spawn(process.execPath, ["-e", busy, ${JSON.stringify(script)}], { stdio: ["ignore", "inherit", "inherit"] });
      setTimeout(() => {}, ${FOR_EVER});`);
    const [pid] = (await once(parent.stdout!, "data")) as [Buffer];
    expect(Number(pid)).toBeGreaterThan(0);
    parent.kill("SIGKILL");
    // Both hold the pipe: it ends with the last of them.
    await once(parent.stdout!, "end");
  });
});
