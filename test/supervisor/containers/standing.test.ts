import { expect, test } from "vitest";
import type { RunningContainer } from "../../../src/attribution/container/running-containers.js";
import { type States, standingOf } from "../../../src/supervisor/containers/standing.js";

const container = { runtime: "docker", id: "a1".repeat(32) } as const;
const own: RunningContainer = { container, space: "net:[8]", network: "own" };
const machine: RunningContainer = { container, space: "net:[1]", network: "machine" };
const unknown: RunningContainer = { container, space: undefined, network: "unknown" };
const state = { space: "net:[8]", container, unseen: 0 };

test.each<[string, RunningContainer, States, string]>([
  ["one that is redirected", own, [{ ...state, state: "captured" }], "captured"],
  ["one that shares the network of another", own, [{ ...state, state: "captured" }], "captured"],
  ["one on the machine's own network", machine, "none", "captured"],
  ["one that could not be proved", own, [{ ...state, state: "left_alone", reason: "why" }], "left_alone"],
  ["one without a way out", own, [{ ...state, state: "waiting" }], "waiting"],
  ["one that was started just now", own, [], "waiting"],
  ["one while nothing captures containers", own, "none", "not_now"],
  ["one that another user asks about", unknown, "secret", "unknown"],
  ["one whose network is not told", unknown, [], "unknown"],
])("%s", (_, running, states, how) => {
  expect(standingOf(running, states).how).toBe(how);
});

test("how one is captured beside its own firewall is said", () => {
  expect(standingOf(own, [{ ...state, state: "captured", by: "rewrite" }]).why).toBe(
    "its connections are redirected as they begin, ahead of its own firewall",
  );
});

test("what came too early is said", () => {
  expect(standingOf(own, [{ ...state, state: "captured", unseen: 2 }]).why).toMatch(
    /; 2 that .* were not seen$/,
  );
});
