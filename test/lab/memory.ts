import { readFileSync } from "node:fs";

/** Memory of a process that is in RAM, now or at its most, in MiB. */
export function mibOf(pid: number, field: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)![1]) / 1024);
}
