/** `oximy proxy`: the explicit proxy. */

import { type Command, InvalidArgumentError } from "commander";
import { summaryOf } from "../engine/engine.js";
import { startExplicitCapture } from "../engine/explicit-capture.js";
import { Feed } from "../engine/feed.js";
import { createLog } from "../log.js";
import { oximyHome } from "../user/settings.js";
import { addCaptureOptions, captureSettings } from "./capture-options.js";
import { untilSignal } from "./signals.js";

/** Time for open connections to end by themselves. */
const DRAIN_MS = 2_000;

export function addProxyCommand(program: Command): void {
  const command = program
    .command("proxy")
    .description("capture the traffic sent through an explicit proxy on this machine")
    .option("--port <port>", "port on loopback", portNumber, 8088)
    .option("--host <address>", "address to listen on", "127.0.0.1");
  addCaptureOptions(command).action(async () => {
    const { settings, output } = captureSettings(command, oximyHome());
    const log = createLog({
      json: output.json,
      level: output.verbose ? "debug" : output.quiet ? "warn" : "info",
    });
    const { port, host } = command.opts<{ port: number; host: string }>();
    const feed = new Feed(output);
    const capture = await startExplicitCapture({
      settings,
      host,
      port,
      log,
      onEvent: (event) => feed.print(event),
    });
    log.info(
      `Proxy on http://${host}:${capture.port}, certificate ${capture.certificatePath}. Events: ${settings.outputDir}`,
    );
    if (!isLoopback(host)) log.warn(openToOthers(host));
    const signal = await untilSignal();
    const end = await capture.stop(DRAIN_MS);
    feed.printSummary();
    log.info(summaryOf(end));
    process.exitCode = signal === "SIGINT" ? 130 : 0;
  });
}

const isLoopback = (host: string) => /^(localhost|127(\.\d+){3}|::1)$/i.test(host);

const openToOthers = (host: string) =>
  `Others on the network can use this proxy (--host ${host}): their traffic comes from your address, and their calls ` +
  "are captured with yours. Leave --host out to listen on loopback.";

export function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError("It must be a port, 0 to 65535.");
  return port;
}
