import { expect, onTestFinished, test, vi } from "vitest";
import type { ForeignConnect } from "../../../src/native/native.js";
import { ContainerRedirects } from "../../../src/supervisor/containers/container-redirects.js";
import type { FoundNetwork } from "../../../src/supervisor/containers/discovery.js";
import type { ContainerState } from "../../../src/supervisor/containers/held-container.js";
import type { ContainerNetworks, NetworkReports, Way } from "../../../src/supervisor/containers/networks.js";
import type { SelfTestResult } from "../../../src/supervisor/self-test.js";

const A: FoundNetwork = { space: "net:[8]", pid: 20, container: { runtime: "docker", id: "a1".repeat(32) } };
const B: FoundNetwork = { space: "net:[8]", pid: 30, container: { runtime: "docker", id: "b2".repeat(32) } };

const C: FoundNetwork = { space: "net:[9]", pid: 40, container: { runtime: "podman", id: "c3".repeat(32) } };

/** Everything but the state machine, as the test wants it. */
function rig(arrange: (world: { watchFailure: string | null }) => void = () => {}) {
  const world = {
    now: 0,
    found: [] as FoundNetwork[],
    /** Whether there is a way out, over each family. */
    routes: true,
    routes6: true,
    opens: 1 as number | string,
    result: { kind: "arrived" } as SelfTestResult,
    /** Of a proof by one way or the other, or over one family, where it is not as all. */
    resultOf: (_: Way, __: string): SelfTestResult | undefined => undefined,
    rewrites: null as string | null,
    isUnreported: false,
    installed: Promise.resolve(null) as Promise<string | null>,
    change: null as "rules" | "ways" | null,
    /** It is looked for containers all the time. */
    watchFailure: "a test" as string | null,
    report: (_: NetworkReports) => {},
    looks: 0,
    isUnknown: false,
    lookedAt: 0,
    connects: [] as ForeignConnect[],
  };
  arrange(world);
  const did: string[] = [];
  const published: (readonly ContainerState[])[] = [];
  const networks: ContainerNetworks = {
    watchFailure: () => world.watchFailure,
    nextReports: () =>
      new Promise((resolve) => {
        world.report = resolve;
      }),
    proxyEnd: () => -1,
    closeProxyEnd: () => {},
    open: (pid) => {
      did.push(`open ${pid}`);
      return world.opens;
    },
    cookieOf: (network) => BigInt(network) + 100n,
    installRules: (_, whom) => {
      did.push(`install ${whom}`);
      return world.installed;
    },
    rewrite: (_, whom, families) => {
      did.push(`rewrite ${whom} ${families.join(" ")}`);
      return world.rewrites;
    },
    takeChange: () => {
      const { change } = world;
      world.change = null;
      return change;
    },
    removeRules: () => void did.push("remove"),
    close: () => void did.push("close"),
    socketOwner: () => null,
    openSocket: () => -1,
    hasRoute: (_, { address }) => world.routes && (world.routes6 || !address.includes(":")),
    end: () => void did.push("end"),
  };
  const redirects = new ContainerRedirects({
    networks,
    discovery: {
      all: () => {
        world.looks++;
        return world.isUnknown ? undefined : world.found;
      },
      fresh: () => {
        world.looks++;
        return world.found;
      },
      of: (pid) => {
        world.lookedAt++;
        return pid === C.pid ? C : undefined;
      },
    },
    takeConnects: () => world.connects.splice(0),
    startTimeOf: () => 1,
    spaceOf: (pid) => world.found.find((network) => network.pid === pid)?.space,
    filtersUnreported: () => world.isUnreported,
    port: 443,
    nonce: "nonce",
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    now: () => world.now,
    prove: async (_, address, __, way) => world.resultOf(way, address) ?? world.result,
    onChange: (states) => void published.push(states),
  });
  /** A look, and what follows from it. */
  const look = async (ms = 25) => {
    world.now += ms;
    redirects.look();
    await new Promise(setImmediate);
    return redirects.states.map(({ state }) => state);
  };
  const take = () => did.splice(0);
  return { world, redirects, look, take, published };
}

test("a container is held, redirected and proved", async () => {
  const { world, look, take } = rig();
  world.found = [A];
  expect(await look()).toEqual(["captured"]);
  expect(take()).toEqual(["open 20", "install trial", "install all"]);
});

test("one without a way out gets no rules until it has one", async () => {
  const { world, look, take } = rig();
  world.found = [A];
  world.routes = false;
  expect(await look()).toEqual(["waiting"]);
  expect(take()).toEqual(["open 20"]);
  world.routes = true;
  expect(await look()).toEqual(["captured"]);
  expect(take()).toEqual(["install trial", "install all"]);
});

test.each<[string, (world: ReturnType<typeof rig>["world"]) => void, string[]]>([
  [
    "cannot be proved",
    (world) => {
      world.result = { kind: "failed", reason: "no answer" };
    },
    ["open 20", "install trial", "remove", "rewrite trial 4 6", "remove", "close"],
  ],
  [
    "cannot be held",
    (world) => {
      world.opens = "its network is ours";
    },
    ["open 20", "open 20"],
  ],
])("one that %s is left alone, for as long as it is there", async (_, make, expected) => {
  const { world, look, take } = rig();
  world.found = [A];
  make(world);
  await look();
  expect(await look(6_000)).toEqual(["left_alone"]);
  expect(await look(10_000)).toEqual(["left_alone"]);
  expect(take()).toEqual(expected);
});

test("one in which it fails later is tried again, and what is open in it is kept until it ends", async () => {
  const { world, look, take } = rig();
  world.found = [A];
  await look();
  take();
  world.result = { kind: "failed", reason: "no answer" };
  expect(await look(15_000)).toEqual(["waiting"]);
  expect(take()).toEqual(["remove", "rewrite trial 4 6", "remove"]);
  expect(await look(1_000)).toEqual(["waiting"]); // it rests
  expect(take()).toEqual([]);
  world.result = { kind: "arrived" };
  expect(await look(15_000)).toEqual(["captured"]);
  expect(take()).toEqual(["install trial", "install all"]);

  world.result = { kind: "failed", reason: "no answer" };
  for (let failures = 0; failures < 2; failures++) expect(await look(15_000)).toEqual(["waiting"]);
  expect(await look(15_000)).toEqual(["left_alone"]);
  expect(take()).not.toContain("close");
  world.result = { kind: "arrived" };
  expect(await look(15_000)).toEqual(["left_alone"]);
  world.found = [];
  expect(await look(15_000)).toEqual([]);
  expect(take()).toContain("close");
});

test("one whose process ends while it is opened is opened by another", async () => {
  const { world, look, take } = rig();
  world.found = [A];
  world.opens = "the process has ended";
  expect(await look()).toEqual(["waiting"]);
  world.opens = 1;
  expect(await look()).toEqual(["captured"]);
  expect(take()).toEqual(["open 20", "open 20", "install trial", "install all"]);
});

test("nothing has ended while /proc cannot be read", async () => {
  const { world, look, take } = rig();
  world.found = [A];
  await look();
  take();
  world.isUnknown = true;
  expect(await look(10_000)).toEqual(["captured"]);
  expect(take()).toEqual([]);
});

test("the other container of a pod that was left alone is not tried again", async () => {
  const { world, look, take } = rig();
  world.found = [A];
  world.result = { kind: "failed", reason: "no answer" };
  expect(await look()).toEqual(["left_alone"]);
  take();
  world.found = [{ ...B }, A];
  expect(await look()).toEqual(["left_alone"]);
  expect(take()).toEqual([]);
});

test("connections of networks that are no container's cost one look at each, and not many at once", async () => {
  const { world, look } = rig();
  const flood = () =>
    Array.from({ length: 4_000 }, (_, index) => ({
      network: BigInt(5_000 + (index % 40)),
      pid: 99,
      msAgo: 1,
    }));
  world.connects = flood();
  await look();
  expect(world.lookedAt).toBe(16);
  world.connects = flood();
  await look();
  expect(world.lookedAt).toBe(32);
  for (let more = 0; more < 3; more++) {
    world.connects = flood();
    await look();
  }
  expect(world.lookedAt).toBe(40);
});

test("one whose own rules change is tried out again before anybody else's connection", async () => {
  const { world, look, take } = rig();
  world.found = [A];
  await look();
  take();
  world.change = "rules";
  expect(await look()).toEqual(["captured"]);
  expect(take()).toEqual(["install trial", "install all"]);
  world.change = "rules";
  world.result = { kind: "failed", reason: "no answer" };
  expect(await look()).toEqual(["waiting"]); // what it has open is kept
  expect(take()).toEqual(["install trial", "remove", "rewrite trial 4 6", "remove"]);
});

test("a proof during which they change counts for nothing", async () => {
  const { world, redirects, look, take } = rig();
  world.found = [A];
  world.result = { kind: "failed", reason: "no answer" };
  redirects.look();
  world.change = "rules";
  await new Promise(setImmediate);
  expect(redirects.states.map(({ state }) => state)).toEqual(["waiting"]);
  take();
  world.result = { kind: "arrived" };
  expect(await look()).toEqual(["captured"]);
  expect(take()).toEqual(["install trial", "install all"]);
});

test("one in which the kernel takes no rules for long is left alone, and no other one waits for it", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const { world, redirects, look, take } = rig();
  world.found = [A];
  world.installed = new Promise(() => {});
  world.rewrites = "bpf: no";
  expect(await look()).toEqual(["waiting"]);
  world.found = [A, C];
  world.opens = 2;
  world.installed = Promise.resolve(null);
  expect(await look()).toEqual(["waiting", "captured"]);
  take();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(redirects.states).toMatchObject([
    { state: "left_alone", reason: "its own rules keep the kernel busy for 5 s; bpf: no" },
    { state: "captured" },
  ]);
  expect(take()).toEqual(["remove", "remove", "rewrite trial 4 6", "remove", "close"]);
});

const noRules = (way: Way): SelfTestResult | undefined =>
  way === "rules" ? { kind: "failed", reason: "IPv4: ECONNREFUSED" } : undefined;

test("one beside whose firewall no rules of ours work is captured as its connections begin", async () => {
  const { world, redirects, look, take } = rig();
  world.found = [A];
  world.resultOf = noRules;
  expect(await look()).toEqual(["captured"]);
  expect(take()).toEqual(["open 20", "install trial", "remove", "rewrite trial 4 6", "rewrite all 4 6"]);
  expect(redirects.states).toMatchObject([{ by: "rewrite" }]);
  // It is proved like any other.
  world.result = { kind: "failed", reason: "no answer" };
  expect(await look(15_000)).toEqual(["waiting"]);
  expect(take()).toEqual(["remove", "install trial", "remove"]);
});

test.each<[string, (world: ReturnType<typeof rig>["world"]) => void]>([
  [
    "with a word",
    (world) => {
      world.change = "rules";
    },
  ],
  ["without one", () => {}],
])("one that sets its firewall up later, %s, goes over to that, and stays with it", async (_, make) => {
  const { world, redirects, look, take } = rig();
  world.found = [A];
  await look();
  expect(redirects.states).toMatchObject([{ by: "rules" }]);
  take();
  world.resultOf = noRules;
  make(world);
  expect(await look(15_000)).toEqual(["captured"]);
  expect(take().slice(-3)).toEqual(["remove", "rewrite trial 4 6", "rewrite all 4 6"]);
  world.change = "rules";
  expect(await look()).toEqual(["captured"]);
  expect(take()).toEqual(["rewrite trial 4 6", "rewrite all 4 6"]);
});

test("a firewall that says there is no way out is one beside which no rules work", async () => {
  const { world, look, take } = rig();
  world.found = [A];
  world.resultOf = (way, address) =>
    way === "rules" && !address.includes(":") ? { kind: "no_route" } : undefined;
  expect(await look()).toEqual(["captured"]);
  expect(take().slice(-2)).toEqual(["rewrite trial 4 6", "rewrite all 4 6"]);
});

test("one whose firewall will change without a word is not left to rules", async () => {
  const { world, look, take } = rig();
  world.found = [A];
  await look();
  take();
  world.isUnreported = true;
  expect(await look(100)).toEqual(["captured"]);
  expect(take()).toEqual(["remove", "rewrite trial 4 6", "rewrite all 4 6"]);
  // Where that does not work, rules have to, and nothing goes to and fro.
  world.resultOf = (way) => (way === "rewrite" ? { kind: "failed", reason: "no answer" } : undefined);
  expect(await look(15_000)).toEqual(["captured"]);
  expect(take()).toEqual(["remove", "install trial", "install all"]);
  expect(await look(100)).toEqual(["captured"]);
  expect(take()).toEqual([]);
});

test("a family without a way out, or that does not arrive, is not led to us as its connections begin", async () => {
  const { world, look, take } = rig();
  world.found = [A];
  world.routes6 = false;
  world.resultOf = noRules;
  expect(await look()).toEqual(["captured"]);
  expect(take().splice(-2)).toEqual(["rewrite trial 4", "rewrite all 4"]);
  world.routes6 = true;
  world.resultOf = (way, address) =>
    noRules(way) ?? (address.includes(":") ? { kind: "no_route" } : undefined);
  expect(await look(15_000)).toEqual(["captured"]);
  expect(take()).toEqual(["remove", "rewrite trial 4 6", "rewrite all 4"]);
  expect(await look(15_000)).toEqual(["captured"]);
  expect(take()).toEqual([]);
});

test("rules that come when capture has ended are followed by nothing", async () => {
  const { world, redirects, look, take } = rig();
  world.found = [A];
  let taken = (_: null) => {};
  world.installed = new Promise((resolve) => {
    taken = resolve;
  });
  await look();
  redirects.withdraw();
  taken(null);
  expect(await look()).toEqual(["waiting"]);
  expect(take()).toEqual(["open 20", "install trial", "remove"]);
});

test("the state of each is published, with the reason, once per change", async () => {
  const { world, look, published } = rig();
  world.found = [A];
  world.result = { kind: "failed", reason: "IPv4: ECONNREFUSED" };
  await look();
  await look();
  await look();
  const { space, container } = A;
  expect(published).toEqual([
    [{ space, container, state: "waiting", unseen: 0 }],
    [{ space, container, state: "left_alone", reason: "IPv4: ECONNREFUSED", unseen: 0 }],
  ]);
  world.found = [];
  await look(500);
  expect(published.at(-1)).toEqual([]);
});

test("connections that came before a container was captured are counted", async () => {
  const { world, redirects, look } = rig();
  world.found = [A];
  const unseen = () => redirects.states.map((state) => state.unseen);
  await look();
  world.now += 100;
  world.connects = [
    { network: 101n, pid: 20, msAgo: 1 },
    { network: 101n, pid: 20, msAgo: 500 },
  ];
  await look();
  expect(unseen()).toEqual([1]);
});

test("a container that is met by its first connection is captured, and what came is counted", async () => {
  const { world, redirects, look, take } = rig();
  world.opens = 2;
  world.connects = [
    { network: 102n, pid: C.pid, msAgo: 1 },
    { network: 103n, pid: 77, msAgo: 1 }, // of no container
  ];
  expect(await look()).toEqual(["captured"]);
  expect(take()).toEqual(["open 40", "install trial", "install all"]);
  expect(redirects.states.map(({ unseen }) => unseen)).toEqual([1]);
});

test.each<[string, (world: ReturnType<typeof rig>["world"]) => void]>([
  [
    "that has no way out",
    (world) => {
      world.routes = false;
    },
  ],
  [
    "that is left alone",
    (world) => {
      world.result = { kind: "failed", reason: "no answer" };
    },
  ],
])("connections of a container %s are not counted", async (_, make) => {
  const { world, redirects, look } = rig();
  world.found = [A];
  make(world);
  await look();
  world.connects = [{ network: 101n, pid: 20, msAgo: 1 }];
  await look();
  expect(redirects.states.map(({ unseen }) => unseen)).toEqual([0]);
});

test("one that has ended is let go of", async () => {
  const { world, look, take } = rig();
  world.found = [A];
  await look();
  take();
  world.found = [];
  expect(await look(500)).toEqual([]);
  expect(take()).toEqual(["close"]);
});

test("another one with the name of a namespace that was left alone is a new one", async () => {
  const { world, look, take } = rig();
  world.found = [A];
  world.opens = "no";
  await look();
  take();
  world.found = [B];
  world.opens = 2;
  expect(await look()).toEqual(["captured"]);
  expect(take()).toEqual(["open 30", "install trial", "install all"]);
});

test("all rules are withdrawn, and come back proved", async () => {
  const { world, redirects, look, take } = rig();
  world.found = [A];
  await look();
  take();
  redirects.withdraw();
  expect(take()).toEqual(["remove"]);
  await look(10_000);
  expect(take()).toEqual([]);
  redirects.restore();
  expect(await look()).toEqual(["captured"]);
  expect(take()).toEqual(["install trial", "install all"]);
});

test("at the end all goes, and nothing begins any more", async () => {
  const { world, redirects, look, take } = rig();
  world.found = [A];
  await look();
  take();
  redirects.end();
  expect(take()).toEqual(["end"]);
  await look();
  expect(take()).toEqual([]);
});

/** Runs as it does in a capture, where the kernel reports all new networks. */
async function started() {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { world, ...all } = rig((of) => {
    of.watchFailure = null;
  });
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 25) {
      world.now += 25;
      await vi.advanceTimersByTimeAsync(25);
    }
  };
  const reports = async (of: Partial<NetworkReports>) => {
    world.report({ networks: false, changes: false, connects: false, ...of });
    await vi.advanceTimersByTimeAsync(0);
  };
  onTestFinished(() => all.redirects.end());
  all.redirects.start();
  await pass(100);
  return { world, ...all, pass, reports };
}

test("without reports, /proc is searched only now and then", async () => {
  const { world, take, pass } = await started();
  world.looks = 0;
  world.found = [A];
  await pass(20_000);
  expect(world.looks).toBe(0);
  await pass(15_000);
  expect(take().at(0)).toBe("open 20");
});

test("a reported network is looked for at once, and for a while, for processes that enter it later", async () => {
  const { world, take, pass, reports } = await started();
  world.found = [A];
  await reports({ networks: true });
  await pass(25);
  expect(take()).toEqual(["open 20", "install trial", "install all"]);
  await pass(1_000);
  world.found = [A, C];
  await pass(50);
  expect(take().at(0)).toBe("open 40");
  await pass(10_000);
  world.looks = 0;
  await pass(10_000);
  expect(world.looks).toBe(2); // at all, every five seconds
});

test("reported connections are counted without a search for networks", async () => {
  const { world, redirects, pass, reports } = await started();
  world.looks = 0;
  world.connects = [{ network: 200n, pid: C.pid, msAgo: 0 }];
  await reports({ connects: true });
  await pass(50);
  expect(redirects.states.map(({ container, unseen }) => [container.id, unseen])).toEqual([
    [C.container.id, 1],
  ]);
  expect(world.looks).toBe(0);
});

test("what has other ways out is proved at once", async () => {
  const { world, take, look } = rig();
  world.found = [A];
  await look();
  take();
  world.routes6 = false;
  const proofs: string[] = [];
  world.resultOf = (_, address) => {
    proofs.push(address);
    return undefined;
  };
  await look(100);
  expect(proofs).toEqual([]);
  world.change = "ways";
  expect(await look()).toEqual(["captured"]);
  expect(proofs).toHaveLength(1);
});
