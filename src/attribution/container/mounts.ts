/**
 * Where a runtime keeps the files of a container, according to /proc/PID/mountinfo (proc_pid_mountinfo(5)): it mounts
 * some of them over those of the image. Finds data roots in unusual places.
 */

import { parseMountinfo } from "../mountinfo.js";

const OF_RUNTIME = /^\/(?:etc\/(?:hostname|hosts|resolv\.conf)|run\/\.containerenv)$/;

/** A folder within one file system: its path on this machine depends on where that is mounted. */
export interface Place {
  /** `major:minor` */
  readonly device: string;
  /** The parent of the container's folder. */
  readonly folder: string;
}

/** The place of the container with this id; other ids belong to a container whose network it shares. */
export function placeOfContainer(mountinfo: string, id: string): Place | undefined {
  for (const { device, root, target } of parseMountinfo(mountinfo)) {
    const at = root.indexOf(`/${id}/`);
    if (OF_RUNTIME.test(target) && at !== -1) return { device, folder: root.slice(0, at) };
  }
  return undefined;
}

/** Possible paths of the place on the machine with these mounts, likeliest first. */
export function pathsOfPlace({ device, folder }: Place, mountinfo: string): string[] {
  const mounted = parseMountinfo(mountinfo).flatMap(({ device: of, root, target }) => {
    const base = root === "/" ? "" : root;
    if (of !== device || !`${folder}/`.startsWith(`${base}/`)) return [];
    return [`${target === "/" ? "" : target}${folder.slice(base.length)}`];
  });
  return [...new Set(mounted)];
}
