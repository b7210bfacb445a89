/** The containers that run on this machine now, by their processes. */

import { readdir, readlink } from "node:fs/promises";
import type { ClientContainer } from "../../connection/container.js";
import { type FileReader, systemFiles } from "../identity/file-reader.js";
import type { ProcessInfo } from "../native.js";
import { ContainerReader } from "./reader.js";

export interface RunningContainer {
  readonly container: ClientContainer;
  /** Its network namespace as the link in /proc has it; undefined without permission. */
  readonly space: string | undefined;
  /** `machine`: it shares our network. `unknown`: only root can find out. */
  readonly network: "own" | "machine" | "unknown";
}

export interface RunningContainersOptions {
  readonly processInfo: (pid: number) => ProcessInfo | null;
  readonly reader?: Pick<ContainerReader, "of">;
  readonly files?: FileReader;
  readonly pids?: () => Promise<readonly number[]>;
  /** The target of a process's ns/net link; undefined without permission. */
  readonly networkOf?: (pid: number | "self") => Promise<string | undefined>;
}

/** Sorted by name, else by id; each once. Linux. */
export async function runningContainers({
  processInfo,
  reader = new ContainerReader({ processInfo }),
  files = systemFiles,
  pids = allPids,
  networkOf = linkOfNetwork,
}: RunningContainersOptions): Promise<RunningContainer[]> {
  const own = await networkOf("self");
  const found = new Map<string, RunningContainer>();
  for (const pid of await pids()) {
    const info = processInfo(pid);
    const inside = info === null ? undefined : await reader.of(info, files);
    if (inside === undefined || found.has(inside.container.id)) continue;
    const space = await networkOf(pid);
    const network = space === undefined || own === undefined ? "unknown" : space === own ? "machine" : "own";
    found.set(inside.container.id, { container: inside.container, space, network });
  }
  const order = ({ container: { name, id } }: RunningContainer) => name ?? id;
  return [...found.values()].sort((a, b) => order(a).localeCompare(order(b), "en"));
}

async function allPids(): Promise<number[]> {
  const names = await readdir("/proc").catch(() => []);
  return names.filter((name) => /^[1-9]\d*$/.test(name)).map(Number);
}

const linkOfNetwork = (pid: number | "self") => readlink(`/proc/${pid}/ns/net`).catch(() => undefined);
