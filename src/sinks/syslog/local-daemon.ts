/**
 * Messages to the log daemon of this machine through its socket, by util-linux's logger(1): Node has no datagrams of
 * AF_UNIX. They have the header that such daemons understand, that of syslog(3).
 */

import { spawn } from "node:child_process";
import type { Attempt } from "../export/retry.js";
import { complaintOf } from "../side-process.js";

/** Daemons take 8 KB of a message (rsyslog's default), with a header. */
export const MAX_LOCAL = 7_900;
const LONGEST_MS = 30_000;

/** One message a line, each with its priority before it. Never rejects. */
export function sendToDaemon(
  socket: string,
  lines: readonly string[],
  stop: AbortSignal,
  program = "logger",
): Promise<Attempt> {
  return new Promise((resolve) => {
    const options = ["--socket", socket, "--socket-errors=on", "--tag", "oximy"];
    const child = spawn(program, [...options, "--prio-prefix", "--size", "8192"], {
      stdio: ["pipe", "ignore", "pipe"],
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
      signal: stop,
      timeout: LONGEST_MS,
    });
    const complaint = complaintOf(child);
    child.once("error", ({ message }) => resolve({ kind: "later", why: message }));
    child.once("close", (code) =>
      resolve(code === 0 ? { kind: "taken" } : { kind: "later", why: complaint(code) }),
    );
    child.stdin.on("error", () => {}); // its end says why
    child.stdin.end(lines.map((line) => `${line}\n`).join(""));
  });
}
