/** The supervisor's effects on the machine: it starts the proxy, holds the redirect and tests it. */

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { holdRedirect } from "./held-redirect.js";
import { selfTest } from "./self-test.js";

/** Tests substitute their own, which needs no root. */
export interface Machine {
  /** @param guests the proxy's end of the channel that delivers the listeners of container networks */
  startProxy(home: string, guests: number | undefined): ChildProcess;
  readonly holdRedirect: typeof holdRedirect;
  readonly selfTest: typeof selfTest;
}

/**
 * For the proxy: a young generation that is small compared with what thousands of connections hold, and one V8 worker
 * thread: several cost more in waking each other up than they save (bench/peers).
 */
const V8_FLAGS = ["--max-semi-space-size=4", "--v8-pool-size=1"];

function startProxy(home: string, guests: number | undefined): ChildProcess {
  const entry = fileURLToPath(new URL("./proxy-process.js", import.meta.url));
  return spawn(process.execPath, [...V8_FLAGS, entry], {
    // The last two: secrets (SECRETS_FD), guests (GUESTS_FD).
    stdio: ["ignore", "inherit", "inherit", "ipc", "pipe", ...(guests === undefined ? [] : [guests])],
    // Ctrl-C is for the supervisor, which shuts down in order.
    detached: true,
    env: { ...process.env, HOME: home },
  });
}

export const thisMachine: Machine = { startProxy, holdRedirect, selfTest };
