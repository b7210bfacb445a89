import { expect, test } from "vitest";
import type { ProcessInfo } from "../../src/attribution/native.js";
import { createProcessTree } from "../../src/attribution/process-tree.js";
import { filesWith, processInfo } from "./fake-processes.js";

/** A tree over processes that the test changes as it goes. */
function treeOf(processes: ProcessInfo[], implementation: "linux" | "darwin" = "linux") {
  const byPid = (pid: number) => processes.find((process) => process.pid === pid) ?? null;
  return createProcessTree({ implementation, processInfo: byPid }, { files: filesWith({}) });
}

const pids = (owner?: { ancestors: readonly { pid: number }[] }) =>
  owner?.ancestors.map((ancestor) => ancestor.pid);

test("ancestors are listed parent first, without the first process of the system", async () => {
  const tree = treeOf([
    processInfo({ pid: 1, ppid: 0 }),
    processInfo({ pid: 10 }),
    processInfo({ pid: 20, ppid: 10 }),
  ]);
  expect(pids(await tree.describe(20))).toEqual([10]);
});

test("at most ten ancestors are read", async () => {
  const tree = treeOf(
    Array.from({ length: 30 }, (_, place) => processInfo({ pid: place + 2, ppid: place + 1 })),
  );
  expect(pids(await tree.describe(30))).toEqual([29, 28, 27, 26, 25, 24, 23, 22, 21, 20]);
});

test("a process that is younger than its child is not its parent: the pid was given away", async () => {
  const tree = treeOf([
    processInfo({ pid: 10, startTime: 900 }),
    processInfo({ pid: 20, ppid: 10, startTime: 500 }),
  ]);
  expect(pids(await tree.describe(20))).toEqual([]);
});

test("a reused pid inherits nothing", async () => {
  const processes = [processInfo({ pid: 20, startTime: 1, path: "/usr/bin/cursor" })];
  const tree = treeOf(processes);
  expect((await tree.describe(20))?.process.path).toBe("/usr/bin/cursor");
  processes[0] = processInfo({ pid: 20, startTime: 2, path: "/usr/bin/curl" });
  expect((await tree.describe(20))?.process.path).toBe("/usr/bin/curl");
});

test("a process that runs another program after exec is described anew", async () => {
  const processes = [processInfo({ pid: 20, startTime: 1, path: "/bin/sh" })];
  const tree = treeOf(processes);
  await tree.describe(20);
  processes[0] = processInfo({ pid: 20, startTime: 1, path: "/usr/bin/curl" });
  expect((await tree.describe(20))?.process.name).toBe("curl");
});

test("a process keeps the parents it was first seen with", async () => {
  const processes = [processInfo({ pid: 10 }), processInfo({ pid: 20, ppid: 10 })];
  const tree = treeOf(processes);
  await tree.describe(20);
  processes.splice(0, 2, processInfo({ pid: 20, ppid: 1 }));
  expect(pids(await tree.describe(20))).toEqual([10]);
});

test("a service that acts for an app has the responsible process as its last ancestor", async () => {
  const safari = processInfo({ pid: 50, path: "/Applications/Safari.app/Contents/MacOS/Safari" });
  const network = processInfo({ pid: 60, responsiblePid: 50 });
  const tree = treeOf([safari, network], "darwin");
  expect(pids(await tree.describe(60))).toEqual([50]);
});

test("a responsible process that is an ancestor is not listed twice", async () => {
  const tree = treeOf(
    [processInfo({ pid: 50 }), processInfo({ pid: 60, ppid: 50, responsiblePid: 50 })],
    "darwin",
  );
  expect(pids(await tree.describe(60))).toEqual([50]);
});

test("the files of a process that was given the pid of one that ended are not the other's", async () => {
  const later = processInfo({ pid: 20, startTime: 2 });
  const files = filesWith({ "/proc/20/root/.flatpak-info": "[Application]\nname=com.example.Later\n" });
  const tree = createProcessTree({ implementation: "linux", processInfo: () => later }, { files });
  const { process } = await tree.describeRead(
    processInfo({ pid: 20, startTime: 1, path: "/usr/bin/curl" }),
    () => [],
  );
  expect(process).toMatchObject({ name: "curl", path: "/usr/bin/curl" });
  expect(process).not.toHaveProperty("applicationId");
});

test("a process whose executable cannot be read has only the kernel's short name", async () => {
  const { process } = (await treeOf([processInfo({ pid: 20, name: "kworker/0:1" })]).describe(20))!;
  expect(process).toMatchObject({ name: "kworker/0:1" });
  expect(process).not.toHaveProperty("path");
});

test("a process that has ended is not described", async () => {
  expect(await treeOf([]).describe(20)).toBeUndefined();
});

test("the outline of a process in a container has its container, though without its names", () => {
  const id = "a1".repeat(32);
  const tree = treeOf([processInfo({ pid: 20, cgroup: `/system.slice/docker-${id}.scope` })]);
  expect(tree.outline(20)?.process.container).toEqual({ runtime: "docker", id });
});
