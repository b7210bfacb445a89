import { expect, test } from "vitest";
import { createAttributor, type ProcessSource } from "../../src/attribution/attributor.js";
import type { ProcessInfo, SocketOwner } from "../../src/attribution/native.js";
import { filesWith, processInfo } from "./fake-processes.js";

const tuple = {
  local: { address: "10.0.0.1", port: 40000 },
  remote: { address: "10.0.0.2", port: 443 },
};
const socket: SocketOwner = { inode: 7, uid: 1000, cookie: 1n, cgroupId: 1n, pid: null };

function machine(processes: ProcessInfo[], overrides: Partial<ProcessSource> = {}): ProcessSource {
  return {
    implementation: "linux",
    socketOwner: () => socket,
    findProcess: async () => processes[0]?.pid ?? null,
    findUserBelow: (pid) => pid,
    connectRecord: () => null,
    recordedProcesses: () => [],
    processInfo: (pid) => processes.find((process) => process.pid === pid) ?? null,
    ...overrides,
  };
}

const attribute = (source: ProcessSource, options: { limitMs?: number } = {}) =>
  createAttributor(source, { files: filesWith({}), ...options }).lookup(tuple);

test("the socket is looked up before anything is waited for", () => {
  let asked = false;
  const socketOwner = () => {
    asked = true;
    return null;
  };
  void attribute(machine([], { socketOwner }));
  expect(asked).toBe(true);
});

test("an owner is plain data", async () => {
  const owner = await attribute(machine([processInfo({ pid: 20, path: "/usr/bin/curl" })]));
  expect(owner).toMatchObject({ kind: "process", process: { pid: 20, path: "/usr/bin/curl", name: "curl" } });
  expect(structuredClone(owner)).toEqual(JSON.parse(JSON.stringify(owner)));
});

test.each<[string, Partial<ProcessSource>, object]>([
  ["unsupported", { implementation: "none" }, {}],
  ["no_socket", { socketOwner: () => null }, {}],
  ["client_gone", { socketOwner: () => ({ ...socket, inode: 0 }) }, { uid: 1000 }],
  ["client_gone", { findProcess: async () => null }, { uid: 1000 }],
  ["client_gone", { processInfo: () => null }, { uid: 1000 }],
  ["timeout", { findProcess: () => new Promise(() => {}) }, { uid: 1000 }],
  ["failed", { findProcess: () => Promise.reject(new Error("no threads")) }, { uid: 1000 }],
  [
    "failed",
    {
      socketOwner: () => {
        throw new Error("no netlink");
      },
    },
    {},
  ],
])("an owner that cannot be found is unknown: %s", async (reason, overrides, details) => {
  const source = machine([processInfo({ pid: 20 })], overrides);
  expect(await attribute(source, { limitMs: 30 })).toEqual({ kind: "unknown", reason, ...details });
});

test("processes of the same user that owned sockets before are looked at first", async () => {
  const asked: Array<readonly number[]> = [];
  const pids = [20, 30, 40, 50];
  const uids = [1000, 1000, 2000, 1000];
  let connection = -1;
  const source = machine(
    pids.map((pid) => processInfo({ pid })),
    {
      socketOwner: () => ({ ...socket, uid: uids[++connection] ?? null }),
      findProcess: async (_inode, hints) => {
        asked.push(hints.candidates);
        return pids[connection] ?? null;
      },
    },
  );
  const attributor = createAttributor(source, { files: filesWith({}) });
  for (const _ of pids) await attributor.lookup(tuple);
  expect(asked).toEqual([[], [20], [], [30, 20]]);
});

const record = { cookie: 1n, pid: 20, uid: 1000, name: "curl", startTime: null, path: null };

test("the record of the connect is believed before the holder of the socket is looked for", async () => {
  const recorded = [processInfo({ pid: 20, ppid: 10, path: "/usr/bin/curl" }), processInfo({ pid: 10 })];
  const source = machine([processInfo({ pid: 99, path: "/usr/bin/cat" })], {
    connectRecord: () => record,
    recordedProcesses: () => recorded,
  });
  expect(await attribute(source)).toMatchObject({
    process: { pid: 20, path: "/usr/bin/curl" },
    ancestors: [{ pid: 10 }],
  });
});

test("a socket that the recorded process has handed on belongs to the process that uses it", async () => {
  const recorded = [processInfo({ pid: 20, ppid: 10, path: "/usr/bin/ssh" }), processInfo({ pid: 10 })];
  const child = processInfo({ pid: 30, ppid: 20, path: "/usr/bin/ssh" });
  const usedBy = (below: number | null, found: Promise<number | null>, held = socket) =>
    machine([child, ...recorded], {
      connectRecord: () => record,
      recordedProcesses: () => recorded,
      socketOwner: () => held,
      findUserBelow: () => below,
      findProcess: () => found,
    });
  const never = new Promise<null>(() => {});
  for (const source of [usedBy(30, never), usedBy(null, Promise.resolve(30))]) {
    expect(await attribute(source)).toMatchObject({
      process: { pid: 30 },
      ancestors: [{ pid: 20 }, { pid: 10 }],
    });
  }
  const closed = { ...socket, inode: 0 };
  for (const source of [usedBy(20, never), usedBy(null, Promise.resolve(null)), usedBy(30, never, closed)]) {
    expect(await attribute(source)).toMatchObject({ process: { pid: 20 }, ancestors: [{ pid: 10 }] });
  }
  expect(await attribute(usedBy(null, never), { limitMs: 30 })).toMatchObject({
    kind: "unknown",
    reason: "timeout",
  });
});

test("a client that reset its socket and ended is known by its record alone", async () => {
  const source = machine([], { socketOwner: () => null, connectRecord: () => record });
  const process = { pid: 20, uid: 1000, name: "curl" };
  expect(await attribute(source)).toEqual({ kind: "process", process, ancestors: [] });
});

test("a recorded process that was not read yet is the first candidate for the holder", async () => {
  const asked: Array<readonly number[]> = [];
  const source = machine([processInfo({ pid: 20, path: "/usr/bin/curl" })], {
    connectRecord: () => record,
    findProcess: async (_inode, { candidates }) => {
      asked.push(candidates);
      return 20;
    },
  });
  expect(await attribute(source)).toMatchObject({ process: { path: "/usr/bin/curl" } });
  expect(asked).toEqual([[20]]);
});

test("when the time is up, a recorded process is still named, without what its files would tell", async () => {
  const hanging = { ...filesWith({}), read: () => new Promise<undefined>(() => {}) };
  const recorded = [
    processInfo({ pid: 20, path: "/usr/bin/cursor" }),
    processInfo({ pid: 10, path: "/bin/sh" }),
  ];
  const source = machine([], { connectRecord: () => record, recordedProcesses: () => recorded });
  const owner = await createAttributor(source, { files: hanging, limitMs: 30 }).lookup(tuple);
  expect(owner).toMatchObject({ process: { pid: 20, name: "cursor" }, ancestors: [{ pid: 10, name: "sh" }] });
});

test("when the time is up, a holder that was found is named, without what its files would tell", async () => {
  const hanging = { ...filesWith({}), read: () => new Promise<undefined>(() => {}) };
  const source = machine([
    processInfo({ pid: 20, ppid: 10, path: "/usr/bin/cursor" }),
    processInfo({ pid: 10, path: "/bin/sh" }),
  ]);
  const owner = await createAttributor(source, { files: hanging, limitMs: 30 }).lookup(tuple);
  expect(owner).toMatchObject({ process: { pid: 20, name: "cursor" }, ancestors: [{ pid: 10, name: "sh" }] });
});

test("a recorded process that became another program since is named by what it runs now", async () => {
  const recorded = [processInfo({ pid: 20, path: "/usr/bin/sh" }), processInfo({ pid: 10 })];
  const { startTime } = recorded[0]!;
  const overrides = {
    connectRecord: () => ({ ...record, startTime }),
    recordedProcesses: () => recorded,
  };
  const after = processInfo({ pid: 20, path: "/usr/bin/curl" });
  expect(await attribute(machine([after], overrides))).toMatchObject({
    process: { pid: 20, path: "/usr/bin/curl" },
    ancestors: [{ pid: 10 }],
  });
  const another = processInfo({ pid: 20, startTime: 21, path: "/usr/bin/wget" });
  const zombie = processInfo({ pid: 20 });
  for (const gone of [another, zombie]) {
    expect(await attribute(machine([gone], overrides))).toMatchObject({
      process: { pid: 20, path: "/usr/bin/sh" },
    });
  }
});
