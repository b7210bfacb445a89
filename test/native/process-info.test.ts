import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadNative } from "../../src/native/native.js";
import { isRoot, NOBODY, start } from "./clients.js";

const native = loadNative();

describe.skipIf(native.implementation !== "linux")("what is known of a process", () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "oximy-process-"));
    fs.chmodSync(folder, 0o755);
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  function copyOf(command: string, name: string): string {
    const copy = path.join(folder, name);
    fs.copyFileSync(fs.realpathSync(command), copy);
    return copy;
  }

  /** `cat` runs until its input ends; its echo says that it runs. */
  async function startCat(executable: string) {
    const cat = start(executable, []);
    cat.process.stdin!.write("here\n");
    await cat.line();
    return cat;
  }

  it("is right for this process", () => {
    expect(native.processInfo(process.pid)).toMatchObject({
      pid: process.pid,
      ppid: process.ppid,
      uid: process.geteuid!(),
      path: fs.realpathSync(process.execPath),
      name: "node",
      responsiblePid: null,
    });
    const commandLine = fs.readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(0, -1);
    expect(native.processInfo(process.pid)?.commandLine).toEqual(commandLine);
  });

  it("starts later for a child than for its parent", async () => {
    await using cat = await startCat("cat");
    const child = native.processInfo(cat.pid)!;
    expect(child.startTime).toBeGreaterThanOrEqual(native.processInfo(process.pid)!.startTime);
    expect(child.ppid).toBe(process.pid);
  });

  it("survives a name with parentheses, spaces and a line break", async () => {
    const executable = copyOf("/bin/cat", "a) R (b\nc");
    await using cat = await startCat(executable);
    expect(native.processInfo(cat.pid)).toMatchObject({
      pid: cat.pid,
      ppid: process.pid,
      path: executable,
      name: "a) R (b\nc",
    });
  });

  it("has the path of an executable that was deleted", async () => {
    const executable = copyOf("/bin/cat", "gone");
    await using cat = await startCat(executable);
    fs.rmSync(executable);
    expect(native.processInfo(cat.pid)?.path).toBe(executable);
  });

  it("keeps the name of a file that is really called so", async () => {
    const executable = copyOf("/bin/cat", "odd (deleted)");
    await using cat = await startCat(executable);
    expect(native.processInfo(cat.pid)?.path).toBe(executable);
  });

  it("is that of the process for the id of a thread", () => {
    const threads = fs.readdirSync("/proc/self/task").map(Number);
    expect(threads.length).toBeGreaterThan(1);
    for (const thread of threads) expect(native.processInfo(thread)?.pid).toBe(process.pid);
  });

  it("is null for no process", () => {
    for (const pid of [0, -1, 999_999_999]) expect(native.processInfo(pid)).toBeNull();
  });

  it("has neither path nor arguments for a kernel thread", () => {
    const kthreadd = native.processInfo(2);
    if (kthreadd?.name === "kthreadd") expect(kthreadd).toMatchObject({ path: null, commandLine: [] });
  });

  it.skipIf(!isRoot)("has the user of another user's process", async () => {
    await using cat = start("cat", [], { uid: NOBODY, gid: NOBODY });
    cat.process.stdin!.write("here\n");
    await cat.line();
    expect(native.processInfo(cat.pid)).toMatchObject({ uid: NOBODY, name: "cat" });
  });
});
