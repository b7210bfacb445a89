import { expect, test } from "vitest";
import type { RunningContainer } from "../../src/attribution/container/running-containers.js";
import { containerLines } from "../../src/cli/running-containers.js";
import { containerFindings } from "../../src/doctor/containers.js";
import type { States } from "../../src/supervisor/containers/standing.js";

const web: RunningContainer = {
  container: { runtime: "docker", id: "a1".repeat(32), name: "web", image: "node:20" },
  space: "net:[8]",
  network: "own",
};
const nameless: RunningContainer = {
  container: { runtime: "podman", id: "b2".repeat(32) },
  space: "net:[9]",
  network: "own",
};
const captured = { space: web.space!, container: web.container, state: "captured", unseen: 0 } as const;
const alone = {
  space: nameless.space!,
  container: nameless.container,
  state: "left_alone",
  reason: "IPv4: ECONNREFUSED",
  unseen: 0,
} as const;

test.each<[string, RunningContainer[], States, string]>([
  ["no container", [], "none", "none runs"],
  ["no capture", [web, nameless], "none", "2 run; no capture of containers runs"],
  ["nobody who may know", [web], "secret", "1 run; only root can see which are captured"],
  ["a capture", [web, nameless], [captured, alone], "2 run, 1 of them captured"],
])("with %s the doctor says so", (_, running, states, what) => {
  expect(containerFindings(running, states)[0]).toEqual({ about: "containers", level: "ok", what });
});

test("one that is left alone has a line of the doctor's, with the reason and what to do", () => {
  const [, finding, ...more] = containerFindings([web, nameless], [captured, alone]);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ about: "container", level: "warning" });
  expect(finding?.what).toBe(
    "b2b2b2b2b2b2 (podman) is left alone, since a test connection failed in it: IPv4: ECONNREFUSED",
  );
  expect(finding?.advice).toContain("oximy run -- COMMAND");
});

test("containers are listed by name and image, with how they are captured", () => {
  const rows = [
    { ...web.container, capture: { how: "captured", why: "its connections are redirected" } as const },
    { ...nameless.container, capture: { how: "left_alone", why: "IPv4: ECONNREFUSED" } as const },
  ];
  expect(containerLines(rows)).toEqual([
    "container  web (docker), node:20",
    "  captured: its connections are redirected",
    "container  b2b2b2b2b2b2 (podman)",
    "  left alone: IPv4: ECONNREFUSED",
  ]);
});
