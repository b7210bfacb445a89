import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTimeOf } from "../../src/secrets/mapped-files.js";
import type { Search } from "../../src/secrets/searched-files.js";
import { SiteCache } from "../../src/secrets/site-cache.js";
import { searchSites } from "../../src/secrets/sites.js";
import { StackFinder, type Stacks } from "../../src/secrets/stack-finder.js";
import { temporaryFolder } from "../temporary-folder.js";

/** /proc/PID/map_files is root's. */
const canLook = process.platform === "linux" && process.getuid?.() === 0;

describe.skipIf(!canLook)("the stacks of a process", { timeout: 120_000 }, () => {
  let folder: string;
  let child: ChildProcess;
  let finder: StackFinder | undefined;
  let searches: number;
  const counted: Search = (fd) => {
    searches++;
    return searchSites(fd, { timeoutMs: 100_000 });
  };

  beforeEach(() => {
    folder = temporaryFolder();
    searches = 0;
    finder = undefined;
  });
  afterEach(async () => {
    finder?.close();
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGKILL");
      await ended;
    }
    fs.rmSync(folder, { recursive: true });
  });

  /** Runs until its standard input ends. */
  async function run(command: string, ...args: string[]): Promise<{ pid: number; startTime: number }> {
    child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    return { pid: child.pid!, startTime: startTimeOf(child.pid!)! };
  }
  const node = (file = process.execPath) => run(file, "-e", "console.log(1); process.stdin.resume()");

  async function settled(stacks: Stacks): Promise<Stacks> {
    if (stacks.kind === "searching") return settled(await stacks.done);
    return stacks.kind === "known" && stacks.more ? settled(await stacks.more) : stacks;
  }
  const cacheFile = () => path.join(folder, "sites.json");
  const newFinder = (cache = SiteCache.at(cacheFile())) => new StackFinder({ cache, search: counted });

  it("are searched once, and then known at once, with the file open", async () => {
    const { pid, startTime } = await node();
    finder = newFinder();
    const first = finder.sitesOf(pid, startTime);
    expect(first.kind).toBe("searching");
    await settled(first);
    const before = searches;
    const again = finder.sitesOf(pid, startTime);
    if (again.kind !== "known") throw new Error(again.kind);
    expect(again.more).toBeUndefined();
    expect(searches).toBe(before);
    const [file] = again.files;
    expect(file?.sites.map((site) => site.kind)).toEqual(["keylog"]);
    expect(fs.fstatSync(file!.fd).ino).toBe(fs.statSync(process.execPath).ino);
    const own = file!.openFile();
    expect(fs.fstatSync(own).ino).toBe(fs.statSync(process.execPath).ino);
    fs.closeSync(own);
  });

  it("are known at once after a restart, from what was kept", async () => {
    const { pid, startTime } = await node();
    finder = newFinder();
    await settled(finder.sitesOf(pid, startTime));
    finder.close();
    searches = 0;
    finder = newFinder();
    const stacks = finder.sitesOf(pid, startTime);
    expect(stacks.kind).toBe("known");
    await settled(stacks);
    expect(searches).toBe(0);
  });

  it("are searched again when the executable is another one, whatever its path", async () => {
    const file = path.join(folder, "program");
    fs.copyFileSync(process.execPath, file);
    const { pid, startTime } = await node(file);
    // What runs is not what is at its path any more.
    fs.rmSync(file);
    fs.writeFileSync(file, "something else");
    finder = newFinder();
    const stacks = await settled(finder.sitesOf(pid, startTime));
    if (stacks.kind !== "known") throw new Error(stacks.kind);
    expect(stacks.files.map((found) => found.sites.map((site) => site.kind))).toContainEqual(["keylog"]);
    expect(fs.fstatSync(stacks.files[0]!.fd).nlink).toBe(0);
  });

  it("are none for a program without a stack, and that is remembered", async () => {
    const { pid, startTime } = await run("sh", "-c", "echo 1; read line");
    finder = newFinder();
    const stacks = await settled(finder.sitesOf(pid, startTime));
    expect(stacks).toEqual({ kind: "none", reason: "no TLS stack that is known" });
    const before = searches;
    expect(finder.sitesOf(pid, startTime)).toEqual(stacks);
    expect(searches).toBe(before);
  });

  it("are those of one process: not of another under its pid, nor of one that has ended", async () => {
    const { pid, startTime } = await run("sh", "-c", "echo 1; read line");
    finder = newFinder();
    const ended = { kind: "none", reason: "the process has ended" };
    expect(finder.sitesOf(pid, startTime + 1)).toEqual(ended);
    const closed = new Promise((resolve) => child.once("close", resolve));
    child.stdin?.end("\n");
    await closed;
    expect(finder.sitesOf(pid, startTime)).toEqual(ended);
  });

  it("have no sites that do not hold, whoever wrote the cache", async () => {
    const { pid, startTime } = await node();
    finder = newFinder();
    await settled(finder.sitesOf(pid, startTime));
    finder.close();
    const text = fs.readFileSync(cacheFile(), "utf8");
    fs.writeFileSync(
      cacheFile(),
      text.replace(/"offset":(\d+)/g, (_, offset) => `"offset":${Number(offset) + 1}`),
    );
    finder = newFinder();
    expect(finder.sitesOf(pid, startTime).kind).toBe("searching");
    const stacks = await settled(finder.sitesOf(pid, startTime));
    expect(stacks.kind).toBe("known");
  });

  it("of a search that failed are not searched for every connection", async () => {
    const { pid, startTime } = await run("sh", "-c", "echo 1; read line");
    finder = new StackFinder({
      search: async () => {
        searches++;
        return { kind: "failed", reason: "the search took too long" };
      },
    });
    expect(await settled(finder.sitesOf(pid, startTime))).toEqual({
      kind: "none",
      reason: "the search took too long",
    });
    const before = searches;
    finder.sitesOf(pid, startTime);
    expect(searches).toBe(before);
  });

  it("ends what waits when it is closed", async () => {
    const { pid, startTime } = await node();
    let end: (found: { kind: "none"; reason: string }) => void = () => {};
    finder = new StackFinder({ search: () => new Promise((resolve) => (end = resolve)) });
    const stacks = finder.sitesOf(pid, startTime);
    if (stacks.kind !== "searching") throw new Error(stacks.kind);
    finder.close();
    const ends = setInterval(() => end({ kind: "none", reason: "over" }), 1);
    expect(await stacks.done).toEqual({ kind: "none", reason: "the search was cancelled" });
    clearInterval(ends);
  });
});
