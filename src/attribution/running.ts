import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { promisify } from "node:util";
import type { AppMatch, ProcessIdentity } from "../connection/client.js";
import { type AppIndex, matchApp } from "./match-app.js";
import {
  createProcessTree,
  type KnownOwner,
  type ProcessReader,
  type ProcessTreeOptions,
} from "./process-tree.js";

/** A running app of the bundle. */
export interface RunningApp {
  readonly app: Omit<AppMatch, "matchedBy" | "hostApp">;
  /** The processes that belong to it, and the matching criterion. */
  readonly processes: ReadonlyArray<{
    readonly process: ProcessIdentity;
    readonly matchedBy: AppMatch["matchedBy"];
  }>;
}

/** Every process of this machine that may be inspected, with its ancestors. */
export async function runningProcesses(
  reader: ProcessReader,
  options?: ProcessTreeOptions,
): Promise<KnownOwner[]> {
  const tree = createProcessTree(reader, options);
  const owners: KnownOwner[] = [];
  for (const pid of await listPids(reader.implementation)) {
    const owner = await tree.describe(pid);
    if (owner !== undefined) owners.push(owner);
  }
  return owners;
}

async function listPids(implementation: ProcessReader["implementation"]): Promise<number[]> {
  if (implementation === "none") return [];
  const names =
    implementation === "linux"
      ? await readdir("/proc")
      : (await promisify(execFile)("/bin/ps", ["-A", "-o", "pid="])).stdout
          .split("\n")
          .map((line) => line.trim());
  return names.filter((name) => /^[1-9]\d*$/.test(name)).map(Number);
}

/** Running processes by their app. */
export function runningApps(owners: readonly KnownOwner[], index: AppIndex): RunningApp[] {
  const running = new Map<
    string,
    { app: RunningApp["app"]; processes: Array<RunningApp["processes"][number]> }
  >();
  for (const owner of owners) {
    const match = matchApp(owner, index);
    if (match === undefined) continue;
    const { matchedBy, hostApp, ...app } = match;
    const entry = running.get(app.id) ?? { app, processes: [] };
    entry.processes.push({ process: owner.process, matchedBy });
    running.set(app.id, entry);
  }
  return [...running.values()];
}
