/**
 * Finds the network namespaces of containers, by /proc alone: whatever the runtime, a process is in the new namespace
 * before the container's own first program runs.
 */

import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { containerInCgroup } from "../../attribution/container/cgroup.js";
import type { ContainerRef } from "../../connection/container.js";

/** A namespace that processes of a container are in. */
export interface FoundNetwork {
  /** As the link in /proc names it: `net:[4026532008]`. Given away again when the namespace ends. */
  readonly space: string;
  readonly pid: number;
  readonly container: ContainerRef;
}

/** What is asked of /proc. Nothing throws. */
export interface ProcReader {
  pids(): number[];
  /** The number of the last process or thread that was started. */
  lastPid(): number;
  networkOf(pid: number | "self"): string | undefined;
  cgroupOf(pid: number): string | undefined;
}

const attempt = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch {
    return undefined; // it has ended
  }
};

export const procReader: ProcReader = {
  pids: () =>
    (attempt(() => readdirSync("/proc")) ?? []).filter((name) => /^[1-9]\d*$/.test(name)).map(Number),
  lastPid: () => Number(attempt(() => readFileSync("/proc/loadavg", "latin1"))?.split(" ")[4] ?? 0),
  networkOf: (pid) => attempt(() => readlinkSync(`/proc/${pid}/ns/net`)),
  cgroupOf: (pid) => attempt(() => readFileSync(`/proc/${pid}/cgroup`, "utf8")),
};

/** Whether the network that a process is in has the filter table of iptables-legacy, once anything there asked for it. */
export const filtersUnreported = (pid: number): boolean =>
  ["ip_tables_names", "ip6_tables_names"].some(
    (list) =>
      // Each network has the list once the kernel's module is loaded, which it is on few machines.
      existsSync(`/proc/self/net/${list}`) &&
      attempt(() => readFileSync(`/proc/${pid}/net/${list}`, "latin1"))
        ?.split("\n")
        .includes("filter"),
  );

/**
 * A process is looked at again after 1, 2, 4, … looks: it changes its namespace after it was started. A runtime's has
 * done so within a second.
 */
const LOOKS = 8;
/** More new ones than this at once are found by looking at all. */
const MANY = 512;

export class ContainerDiscovery {
  private readonly own: string | undefined;
  private last: number;
  /** How often each young process was looked at, and how many looks it still waits. */
  private readonly young = new Map<number, { looks: number; wait: number }>();

  constructor(private readonly proc: ProcReader = procReader) {
    this.own = proc.networkOf("self");
    this.last = proc.lastPid();
  }

  /** The namespaces of all containers, with one process of each; undefined when /proc cannot be read now. */
  all(): FoundNetwork[] | undefined {
    const pids = this.proc.pids();
    if (pids.length === 0) return undefined; // no descriptor was left to look with
    this.last = this.proc.lastPid();
    const found = new Map<string, FoundNetwork>();
    for (const pid of pids) {
      const space = this.proc.networkOf(pid);
      if (space === undefined || found.has(space)) continue;
      const network = this.look(pid, space);
      if (network !== undefined) found.set(space, network);
    }
    return [...found.values()];
  }

  /** Those of processes that were started since the last look. Cheap: it reads one file when there are none. */
  fresh(): FoundNetwork[] {
    const last = this.proc.lastPid();
    // Numbers begin anew after the largest one.
    if (last < this.last || last - this.last > MANY) {
      this.young.clear();
      return this.all() ?? [];
    }
    for (let pid = this.last + 1; pid <= last; pid++) this.young.set(pid, { looks: 0, wait: 0 });
    this.last = last;
    return [...this.young].flatMap(([pid, age]) => {
      if (age.wait-- > 0) return [];
      age.wait = 2 ** age.looks++ - 1;
      const space = this.proc.networkOf(pid);
      if (space === undefined || age.looks >= LOOKS) this.young.delete(pid);
      return (space === undefined ? undefined : this.look(pid, space)) ?? [];
    });
  }

  /** That of a process which has just connected; undefined for one of no container, and one that has ended. */
  of(pid: number): FoundNetwork | undefined {
    const space = this.proc.networkOf(pid);
    return space === undefined ? undefined : this.look(pid, space);
  }

  private look(pid: number, space: string): FoundNetwork | undefined {
    if (space === this.own) return undefined;
    const container = containerInCgroup(this.proc.cgroupOf(pid) ?? "");
    return container && { space, pid, container };
  }
}
