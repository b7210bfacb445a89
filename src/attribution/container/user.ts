/** Who a process is to its container: user namespaces number users anew (user_namespaces(7)). */

/**
 * The uid inside, of one that is seen from here, by /proc/PID/uid_map. Undefined when it has none inside.
 */
export function uidInside(uidMap: string, uid: number): number | undefined {
  for (const line of uidMap.split("\n")) {
    const [inside, outside, count] = line.trim().split(/\s+/).map(Number);
    if (inside === undefined || outside === undefined || count === undefined) continue;
    if (uid >= outside && uid < outside + count) return inside + uid - outside;
  }
  return undefined;
}
