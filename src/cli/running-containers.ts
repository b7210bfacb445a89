/** The containers of this machine, and whether their connections are captured; for `oximy apps`. */

import { type RunningContainer, runningContainers } from "../attribution/container/running-containers.js";
import { titleOf } from "../doctor/containers.js";
import type { NativeAddon } from "../native/native.js";
import { type Standing, standingOf } from "../supervisor/containers/standing.js";
import { statesNow } from "../supervisor/containers/states-file.js";
import { printable } from "../terminal.js";
import { stateFolder } from "../user/state-folder.js";

export type ContainerRow = RunningContainer["container"] & { readonly capture: Standing };

export async function containerRows(native: NativeAddon): Promise<ContainerRow[]> {
  if (native.implementation !== "linux") return [];
  const states = statesNow(stateFolder(), (pid) => native.processInfo(pid)?.startTime);
  const running = await runningContainers({ processInfo: native.processInfo });
  return running.map((found) => ({ ...found.container, capture: standingOf(found, states) }));
}

const HOW: Record<Standing["how"], string> = {
  captured: "captured",
  waiting: "not captured yet",
  left_alone: "left alone",
  not_now: "not captured now",
  unknown: "not known",
};

/** Two lines per container. */
export function containerLines(rows: readonly ContainerRow[]): string[] {
  return rows.flatMap(({ capture: { how, why }, ...container }) => [
    `container  ${printable(titleOf(container))}${container.image === undefined ? "" : `, ${printable(container.image)}`}`,
    `  ${HOW[how]}: ${printable(why)}`,
  ]);
}
