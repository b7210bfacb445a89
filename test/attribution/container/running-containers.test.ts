import { expect, test } from "vitest";
import { runningContainers } from "../../../src/attribution/container/running-containers.js";
import { filesWith, processInfo } from "../fake-processes.js";

const [A, B, C] = ["a1", "b2", "c3"].map((part) => part.repeat(32)) as [string, string, string];
const PROCESSES = [10, 20, 21, 30, 40].map((pid) => processInfo({ pid }));
const CGROUPS = {
  "/proc/self/cgroup": "0::/",
  "/proc/10/cgroup": "0::/user.slice",
  "/proc/20/cgroup": `0::/docker/${A}`,
  "/proc/21/cgroup": `0::/docker/${A}`,
  "/proc/30/cgroup": `0::/docker/${B}`,
  "/proc/40/cgroup": `0::/docker/${C}`,
};
const NETWORKS: Record<string, string> = { self: "net:[1]", 20: "net:[8]", 21: "net:[8]", 30: "net:[1]" };

test("each container that runs is there once, with its network", async () => {
  const found = await runningContainers({
    processInfo: (pid) => PROCESSES.find((process) => process.pid === pid) ?? null,
    reader: {
      of: async ({ pid }) => {
        const id = { 20: A, 21: A, 30: B, 40: C }[pid];
        return id === undefined
          ? undefined
          : { container: { runtime: "docker", id, ...(id === B && { name: "early" }) } };
      },
    },
    files: filesWith(CGROUPS),
    pids: async () => [...PROCESSES.map(({ pid }) => pid), 99],
    networkOf: async (pid) => NETWORKS[pid],
  });
  expect(found).toEqual([
    { container: { runtime: "docker", id: A }, space: "net:[8]", network: "own" },
    { container: { runtime: "docker", id: C }, space: undefined, network: "unknown" },
    { container: { runtime: "docker", id: B, name: "early" }, space: "net:[1]", network: "machine" },
  ]);
});
