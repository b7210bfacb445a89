/**
 * Sends messages to the log daemon of this machine through its socket, by util-linux's logger(1): Node has no AF_UNIX
 * datagrams. They have the header of syslog(3), which such daemons expect.
 */

import { spawn } from "node:child_process";
import type { Attempt } from "../export/retry.js";
import { failureOf } from "../side-process.js";

/** Daemons accept messages of 8 KB (rsyslog's default), header included. */
export const MAX_LOCAL = 7_900;
const LONGEST_MS = 30_000;

/** One message per line, each prefixed with its priority. Never rejects. */
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
    const failure = failureOf(child);
    child.once("error", ({ message }) => resolve({ kind: "later", why: message }));
    child.once("close", (code) =>
      resolve(code === 0 ? { kind: "taken" } : { kind: "later", why: failure() }),
    );
    child.stdin.on("error", () => {}); // "close" reports why
    child.stdin.end(lines.map((line) => `${line}\n`).join(""));
  });
}
