/** The user of a process within its container: user namespaces renumber users (user_namespaces(7)). */

/** The uid inside that corresponds to `uid` out here, according to /proc/PID/uid_map. Undefined when there is none. */
export function uidInside(uidMap: string, uid: number): number | undefined {
  for (const line of uidMap.split("\n")) {
    const [inside, outside, count] = line.trim().split(/\s+/).map(Number);
    if (inside === undefined || outside === undefined || count === undefined) continue;
    if (uid >= outside && uid < outside + count) return inside + uid - outside;
  }
  return undefined;
}
