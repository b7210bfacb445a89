/** The processes of a running `oximy local` in a lab, by what they do. */

import { readdirSync, readFileSync } from "node:fs";
import type { LabNamespace } from "../../../lab/namespace.js";

export const ROLES = ["supervisor", "proxy", "signer", "redirect", "search"] as const;
export type Role = (typeof ROLES)[number];

export interface OurProcess {
  readonly pid: number;
  readonly role: Role;
  readonly command: string;
}

/** By a part of the command line. The redirect is the scripts, and the `nft` that has their rules. */
const ROLE_OF: readonly (readonly [RegExp, Role])[] = [
  [/cli\/main\.js\0local\0/, "supervisor"],
  [/supervisor\/proxy-process\.js/, "proxy"],
  [/supervisor\/signer-process\.js/, "signer"],
  [/scripts\/redirect-linux\.sh\0hold|^nft\0-i\0/, "redirect"],
  [/oximy.sites/, "search"],
];

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return ""; // it has ended
  }
}

export function oursIn(machine: LabNamespace): OurProcess[] {
  return machine.pids().flatMap((pid) => {
    const command = commandOf(pid);
    const role = ROLE_OF.find(([pattern]) => pattern.test(command))?.[1];
    return role === undefined ? [] : [{ pid, role, command: command.replaceAll("\0", " ").trim() }];
  });
}

/** As `kill` does; one that has just ended is as well. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The threads of a process that V8 runs JavaScript in, but its first: of the proxy, the capture thread. */
export function threadsOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map(Number);
}
