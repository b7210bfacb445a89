import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { KnownClient } from "../../src/proxy/verdict/client.js";
import type { ToSupervisor } from "../../src/supervisor/protocol.js";
import { RemoteSecrets } from "../../src/supervisor/remote-secrets.js";

const CLIENT = {
  owner: { kind: "process", process: { pid: 7, startTime: 1n, name: "client" }, ancestors: [] },
} as unknown as KnownClient;
const RANDOM = new Uint8Array(32);

describe("the supervisor's answer, whether a client's secrets can be had,", () => {
  let asked: ToSupervisor[];
  let secrets: RemoteSecrets;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    asked = [];
    secrets = new RemoteSecrets((message) => asked.push(message));
  });
  afterEach(() => vi.useRealTimers());

  it.each(["known", "none", "off"] as const)("is the state when it comes in time: %s", async (state) => {
    const watch = secrets.watch(1, CLIENT, RANDOM);
    expect(asked).toMatchObject([{ type: "watch", id: 1, pid: 7 }]);
    secrets.answer(1, state);
    expect(await watch).toEqual({ state });
  });

  it.each([
    ["known", "known"],
    ["none", "none"],
    ["off", "none"],
  ] as const)("is waited for while it searches: then %s", async (later, outcome) => {
    const watch = secrets.watch(1, CLIENT, RANDOM);
    secrets.answer(1, "searching");
    const { state, ready } = await watch;
    expect(state).toBe("searching");
    secrets.answer(1, later);
    expect(await ready).toBe(outcome);
  });

  it.each([
    ["known", "known"],
    ["none", "none"],
  ] as const)("is waited for as a search is when it is late: then %s", async (later, outcome) => {
    const watch = secrets.watch(1, CLIENT, RANDOM);
    await vi.advanceTimersByTimeAsync(300);
    const { state, ready } = await watch;
    expect(state).toBe("searching");
    secrets.answer(1, "searching");
    secrets.answer(1, later);
    expect(await ready).toBe(outcome);
  });

  it("is not asked for after two connections of the program that could not be read", async () => {
    const client = { ...CLIENT, program: { key: "program" } } as KnownClient;
    for (const id of [1, 2]) {
      const watch = secrets.watch(id, client, RANDOM);
      secrets.answer(id, "known");
      await watch;
      secrets.onOutcome(id, "secret_missing" as never);
    }
    expect(await secrets.watch(3, client, RANDOM)).toEqual({ state: "failed" });
    expect(asked.filter(({ type }) => type === "watch")).toHaveLength(2);
  });
});
