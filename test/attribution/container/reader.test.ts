import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ContainerReader, readOwned } from "../../../src/attribution/container/reader.js";
import type { ProcessInfo } from "../../../src/attribution/native.js";
import { createProcessTree } from "../../../src/attribution/process-tree.js";
import { filesWith, processInfo } from "../fake-processes.js";

const A = "a1".repeat(32);
const DOCKER = JSON.stringify({ Name: "/web", Config: { Image: "node:20" } });
const PASSWD = "root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n";

interface Machine {
  readonly files?: Record<string, string>;
  readonly owned?: Record<string, { text: string; owner: number }>;
  readonly processes?: readonly ProcessInfo[];
  readonly own?: string;
}

function readerOf({ owned = {}, processes = [], own = "0::/" }: Machine, now = () => 0) {
  const asked: string[] = [];
  const reader = new ContainerReader({
    processInfo: (pid) => processes.find((process) => process.pid === pid) ?? null,
    readOwned: async (path, owner) => {
      asked.push(path);
      const found = owned[path];
      return found && (found.owner === 0 || found.owner === owner) ? found.text : undefined;
    },
    ownFiles: filesWith({ "/proc/self/cgroup": own }),
    now,
  });
  return { reader, asked };
}

const dockerFile = { [`/var/lib/docker/containers/${A}/config.v2.json`]: { text: DOCKER, owner: 0 } };
const inDocker = {
  "/proc/20/cgroup": `0::/docker/${A}`,
  "/proc/20/uid_map": "0 0 4294967295",
  "/proc/20/root/etc/passwd": PASSWD,
};

test("a process of Docker has its container's names, and its user by the container's passwd", async () => {
  const { reader } = readerOf({ owned: dockerFile });
  expect(await reader.of(processInfo({ pid: 20, uid: 1000 }), filesWith(inDocker))).toEqual({
    container: { runtime: "docker", id: A, name: "web", image: "node:20" },
    user: "node",
  });
});

test("a user that the container does not know has no name", async () => {
  const { reader } = readerOf({ owned: dockerFile });
  const inside = await reader.of(processInfo({ pid: 20, uid: 501 }), filesWith(inDocker));
  expect(inside).not.toHaveProperty("user");
});

test("a process outside of containers is in none", async () => {
  const { reader } = readerOf({});
  expect(
    await reader.of(processInfo({ pid: 20 }), filesWith({ "/proc/20/cgroup": "0::/user.slice" })),
  ).toBeUndefined();
});

test("where we run in a container ourselves, what runs beside us is in none", async () => {
  const { reader } = readerOf({ own: `0::/docker/${A}` });
  expect(await reader.of(processInfo({ pid: 20 }), filesWith(inDocker))).toBeUndefined();
});

test("a process that has ended is in the container that it was in when it connected", async () => {
  const { reader } = readerOf({ owned: dockerFile });
  const ended = processInfo({ pid: 20, cgroup: `/system.slice/docker-${A}.scope` });
  expect((await reader.of(ended, filesWith({})))?.container.name).toBe("web");
});

test("another data root is found by the runtime's mounts", async () => {
  const { reader } = readerOf({
    owned: { [`/mnt/big/docker/containers/${A}/config.v2.json`]: { text: DOCKER, owner: 0 } },
  });
  const files = filesWith({
    ...inDocker,
    "/proc/20/mountinfo": `9 8 8:1 /docker/containers/${A}/hostname /etc/hostname rw - ext4 d rw`,
    "/proc/self/mountinfo": "1 0 8:1 / /mnt/big rw - ext4 d rw",
  });
  expect((await reader.of(processInfo({ pid: 20 }), files))?.container.name).toBe("web");
});

test("what a user puts in the place of Docker's file names nothing", async () => {
  const path = `/var/lib/docker/containers/${A}/config.v2.json`;
  const { reader } = readerOf({ owned: { [path]: { text: DOCKER, owner: 1000 } } });
  expect((await reader.of(processInfo({ pid: 20 }), filesWith(inDocker)))?.container).toEqual({
    runtime: "docker",
    id: A,
  });
});

test("a container of Podman is named by the files that its conmon works with, also without root", async () => {
  const folder = "/home/ana/.local/share/containers/storage/overlay-containers";
  const conmon = processInfo({
    pid: 10,
    uid: 501,
    path: "/usr/bin/conmon",
    commandLine: ["/usr/bin/conmon", "-b", `${folder}/${A}/userdata`],
  });
  const { reader } = readerOf({
    processes: [conmon],
    owned: {
      [`${folder}/containers.json`]: { text: JSON.stringify([{ id: A, names: ["mine"] }]), owner: 501 },
    },
  });
  const files = filesWith({ "/proc/20/cgroup": `0::/user.slice/libpod-${A}.scope` });
  expect((await reader.of(processInfo({ pid: 20, ppid: 10, uid: 501 }), files))?.container.name).toBe("mine");
});

test("a container is looked up once, and one without a name again after a second", async () => {
  let time = 0;
  const owned: NonNullable<Machine["owned"]> = {};
  const { reader, asked } = readerOf({ owned }, () => time);
  const name = async () => (await reader.of(processInfo({ pid: 20 }), filesWith(inDocker)))?.container.name;
  expect([await name(), await name(), asked.length]).toEqual([undefined, undefined, 1]);
  Object.assign(owned, dockerFile);
  time = 1_000;
  expect([await name(), await name(), asked.length]).toEqual(["web", "web", 2]);
});

test("the process tree shows a container's user in the place of the machine's, and keeps the machine's uid", async () => {
  const files = filesWith({ ...inDocker, "/proc/30/cgroup": "0::/" });
  const processes = [processInfo({ pid: 20, uid: 1000 }), processInfo({ pid: 30, uid: 1000 })];
  const tree = createProcessTree(
    { implementation: "linux", processInfo: (pid) => processes.find((one) => one.pid === pid) ?? null },
    { files, users: { nameOf: () => "ana", uidOf: () => 1000 } },
  );
  expect((await tree.describe(20))?.process).toMatchObject({ uid: 1000, user: "node", container: { id: A } });
  expect((await tree.describe(30))?.process).toMatchObject({ uid: 1000, user: "ana" });
  expect((await tree.describe(30))?.process).not.toHaveProperty("container");
});

test("a runtime's file is believed of root and of the named user, and only a regular one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "oximy-owned-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "file");
  writeFileSync(file, "text");
  chmodSync(file, 0o600);
  const self = process.getuid!();
  expect(await readOwned(file, self, 100)).toBe("text");
  expect(await readOwned(file, self, 3)).toBeUndefined();
  expect(await readOwned(folder, self, 100)).toBeUndefined();
  expect(await readOwned(join(folder, "none"), self, 100)).toBeUndefined();
  if (self !== 0) expect(await readOwned(file, self + 1, 100)).toBeUndefined();
});
