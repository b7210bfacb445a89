/** Which container a process is in, by /proc/PID/cgroup (cgroups(7)). */

import type { ContainerRef, ContainerRuntime } from "../../connection/container.js";
import { unescapeUnit } from "../identity/linux.js";

const ID = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g;

/**
 * What precedes the id in its part of the path, by cgroup driver: `docker-ID.scope` and `/docker/ID`,
 * `libpod-ID.scope` and `/libpod_parent/libpod-ID`, `cri-containerd-ID.scope`, `crio-ID.scope`.
 */
const PREFIXES: Readonly<Record<string, ContainerRuntime>> = {
  "docker-": "docker",
  "libpod-": "podman",
  "cri-containerd-": "containerd",
  "crio-": "cri-o",
};

/**
 * Undefined outside of containers. The innermost container, which comes last, wins; of the hierarchies of cgroups v1
 * the first that contains one. conmon, which watches a container from outside, has a cgroup with its id too:
 * `libpod-conmon-ID`.
 */
export function containerInCgroup(text: string): ContainerRef | undefined {
  for (const line of text.split("\n")) {
    const path = /^\d+:[^:]*:(.*)$/s.exec(line)?.[1];
    const found = path === undefined ? undefined : containerInPath(path);
    if (found !== undefined) return found;
  }
  return undefined;
}

function containerInPath(path: string): ContainerRef | undefined {
  const match = [...path.matchAll(ID)].at(-1);
  const rest = match === undefined ? path : path.slice(match.index + 64);
  const [, build] = /\/buildkit\/([0-9a-z]{25})(?:\/|$)/.exec(rest) ?? [];
  if (build !== undefined) return { runtime: "buildkit", id: build };
  const named = rest.split("/").reverse().map(namedContainer).find(Boolean);
  if (named !== undefined) return named;
  if (match === undefined) return undefined;
  const [prefix = "", parent = ""] = path.slice(0, match.index).split("/").reverse();
  const runtime =
    prefix !== ""
      ? PREFIXES[prefix]
      : parent === "docker"
        ? "docker"
        : /(?:^|-)pod[0-9a-f_-]+(?:\.slice)?$/.test(parent)
          ? "containerd"
          : undefined;
  return runtime && { runtime, id: match[0] };
}

/** LXC and systemd-nspawn use names as ids. `machine-qemu…` is a virtual machine. */
function namedContainer(part: string): ContainerRef | undefined {
  const lxc = /^lxc\.payload\.(.+)$/.exec(part)?.[1];
  if (lxc !== undefined) return { runtime: "lxc", id: lxc };
  const machine = /^(?:machine-(.+)\.scope|systemd-nspawn@(.+)\.service)$/.exec(part);
  const name = unescapeUnit(machine?.[1] ?? machine?.[2] ?? "");
  return name === "" || /^(?:qemu|lxc|libvirt)-/.test(name) ? undefined : { runtime: "nspawn", id: name };
}
