import { expect, test } from "vitest";
import { ContainerDiscovery, type ProcReader } from "../../../src/supervisor/containers/discovery.js";

const A = "a1".repeat(32);
const B = "b2".repeat(32);

/** A machine whose processes the test changes as it goes. */
class FakeProc implements ProcReader {
  readonly processes = new Map<number, { network: string; cgroup: string }>();
  last = 100;
  networksRead = 0;
  all = 0;

  start(network: string, cgroup = "0::/"): number {
    this.last++;
    this.processes.set(this.last, { network, cgroup });
    return this.last;
  }
  pids() {
    this.all++;
    return [...this.processes.keys()];
  }
  lastPid() {
    return this.last;
  }
  networkOf(pid: number | "self") {
    if (pid === "self") return "net:[1]";
    this.networksRead++;
    return this.processes.get(pid)?.network;
  }
  cgroupOf(pid: number) {
    return this.processes.get(pid)?.cgroup;
  }
}

const found = (networks: ReturnType<ContainerDiscovery["all"]>) =>
  networks?.map(({ space, pid, container }) => [space, pid, container.id]);

test("namespaces of containers are found by one process each, and no others", () => {
  const proc = new FakeProc();
  proc.start("net:[1]");
  proc.start("net:[1]", `0::/docker/${A}`); // on the machine's own network
  proc.start("net:[7]", "0::/user.slice/app-chromium.scope"); // a browser's sandbox
  const first = proc.start("net:[8]", `0::/docker/${A}`);
  proc.start("net:[8]", `0::/docker/${A}`);
  const other = proc.start("net:[9]", `0::/machine.slice/libpod-${B}.scope`);
  expect(found(new ContainerDiscovery(proc).all())).toEqual([
    ["net:[8]", first, A],
    ["net:[9]", other, B],
  ]);
});

test("a new process is seen at the next look, and nothing is read when there is none", () => {
  const proc = new FakeProc();
  proc.start("net:[8]", `0::/docker/${A}`);
  const discovery = new ContainerDiscovery(proc);
  discovery.all();
  const read = proc.networksRead;
  expect(discovery.fresh()).toEqual([]);
  expect([proc.networksRead, proc.all]).toEqual([read, 1]);
  const pid = proc.start("net:[9]", `0::/docker/${B}`);
  expect(found(discovery.fresh())).toEqual([["net:[9]", pid, B]]);
});

test("a process that enters its container after it was started is seen then", () => {
  const proc = new FakeProc();
  const discovery = new ContainerDiscovery(proc);
  const pid = proc.start("net:[1]");
  expect(discovery.fresh()).toEqual([]);
  proc.processes.set(pid, { network: "net:[9]", cgroup: `0::/docker/${B}` });
  const looks = Array.from({ length: 3 }, () => discovery.fresh());
  expect(looks.flat().map((network) => network.pid)).toContain(pid);
});

test("a process is looked at less and less often, and then no more", () => {
  const proc = new FakeProc();
  const discovery = new ContainerDiscovery(proc);
  proc.start("net:[1]");
  for (let look = 0; look < 1_000; look++) discovery.fresh();
  expect(proc.networksRead).toBe(8);
});

test("when numbers begin anew, or many processes were started at once, all are looked at", () => {
  const proc = new FakeProc();
  const discovery = new ContainerDiscovery(proc);
  proc.last = 5;
  const pid = proc.start("net:[9]", `0::/docker/${B}`);
  expect(found(discovery.fresh())).toEqual([["net:[9]", pid, B]]);
  proc.last = 50_000;
  expect(found(discovery.fresh())).toEqual([["net:[9]", pid, B]]);
  expect(proc.all).toBe(2);
});

test("a process that has connected is looked at by itself", () => {
  const proc = new FakeProc();
  const discovery = new ContainerDiscovery(proc);
  const pid = proc.start("net:[9]", `0::/docker/${B}`);
  expect(discovery.of(pid)).toMatchObject({ space: "net:[9]", pid });
  expect([discovery.of(proc.start("net:[7]")), discovery.of(9_999)]).toEqual([undefined, undefined]);
});
