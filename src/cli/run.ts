/** `oximy run -- COMMAND`: capture one command, without root. */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Command } from "commander";
import { type ExplicitCapture, startExplicitCapture } from "../engine/explicit-capture.js";
import { type KeyLog, openKeyLog } from "../engine/key-log.js";
import { nodeTunnelEnvironment } from "../engine/node-tunnel.js";
import { preloadEnvironment } from "../engine/preload.js";
import { OximyError } from "../errors.js";
import { createLog, type Log } from "../log.js";
import { loadNative } from "../native/native.js";
import { isExcluded } from "../proxy/upstream/upstream-proxy.js";
import { proxyEnvironment, trustEnvironmentOver, untilSettled } from "../trust/trust-environment.js";
import { oximyHome } from "../user/settings.js";
import { addCaptureOptions, captureSettings } from "./capture-options.js";

/** Time for connections that the command left open to end by themselves. */
const DRAIN_MS = 2_000;

export function addRunCommand(program: Command): void {
  const command = program
    .command("run")
    .description("capture one command and its descendants; environment variables set proxy and certificate")
    .argument("<command...>", "the command, after --")
    .passThroughOptions();
  addCaptureOptions(command).action(async ([file, ...args]: string[]) => {
    const { settings, output } = captureSettings(command, oximyHome());
    const log = createLog({ json: output.json, level: output.verbose ? "debug" : "warn" });
    // The terminal is for the command's own output; events go to the file.
    const keyLog = settings.read && settings.enabled ? await openKeyLogOrNone(log) : undefined;
    // From here on TLS secrets of the command are in memory. The command's own core dumps are not affected.
    if (keyLog) loadNative().hideMemory();
    const noProxy = process.env.NO_PROXY || process.env.no_proxy || "";
    let capture: ExplicitCapture | undefined;
    try {
      capture = await startExplicitCapture({
        settings: { ...settings, feed: false },
        host: "127.0.0.1",
        port: 0,
        log,
        front: "command",
        // The library preloaded into the command's programs sees only addresses, not the names in NO_PROXY.
        isExempt: (host, port) => isExcluded(noProxy, [host], port),
        ...(keyLog && { secrets: keyLog.secrets }),
      });
      const pem = readFileSync(capture.certificatePath, "utf8");
      const trust = trustEnvironmentOver(process.env, dirname(capture.certificatePath), [
        { path: capture.certificatePath, pem },
      ]);
      await untilSettled(Object.values(trust));
      const env: NodeJS.ProcessEnv = {
        ...process.env,
        ...proxyEnvironment(capture.port),
        ...trust,
        ...keyLog?.variables,
      };
      process.exitCode = await runCommand(file!, args, {
        ...env,
        ...nodeTunnelEnvironment(capture.port, env.NODE_OPTIONS),
        ...preloadEnvironment(capture.portV6, env.LD_PRELOAD),
      });
    } finally {
      await capture?.stop(DRAIN_MS);
      await keyLog?.close();
    }
  });
}

/** If the pipe cannot be created, the command's connections are intercepted instead. */
async function openKeyLogOrNone(log: Log): Promise<KeyLog | undefined> {
  try {
    return await openKeyLog(process.env);
  } catch (error) {
    log.warn(`No key log: ${(error as Error).message}. Connections are intercepted instead of read.`);
    return undefined;
  }
}

/** Resolves with the exit code, or 128 plus the signal's number as in shells. */
function runCommand(file: string, args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: "inherit", env });
    // The terminal signals both processes; the command decides, and this process ends when it does.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
    child.once("error", (cause: NodeJS.ErrnoException) => {
      const why = cause.code === "ENOENT" ? "it was not found" : cause.message;
      reject(
        new OximyError("OXIMY_E_USAGE", `${file} could not be started: ${why}.`, "Check its name and path.", {
          cause,
        }),
      );
    });
    child.once("exit", (code, signal) =>
      resolve(code ?? 128 + (signal === "SIGINT" ? 2 : signal === "SIGKILL" ? 9 : 15)),
    );
  });
}
