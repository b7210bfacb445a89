/** Runs inside the process that exports events, see exporter.ts. Its options arrive as a line of JSON. */

import { arch, constants, hostname, platform, setPriority } from "node:os";
import { createInterface } from "node:readline";
import { printError, printJson } from "../../terminal.js";
import type { Destination, DestinationContext } from "./destination.js";
import { exportEvents } from "./export-events.js";
import type { ExporterStart, FromExporter } from "./exporter.js";
import { StateFile } from "./state-file.js";

const send = (message: FromExporter) => printJson(message);

/** Ends the process when it is done. */
export function runExporter<Settings>(
  destinationOf: (settings: Settings, context: DestinationContext) => Destination,
): void {
  const finish = new AbortController();
  const stop = new AbortController();
  try {
    setPriority(constants.priority.PRIORITY_LOW);
  } catch {
    // Not permitted here: it runs with normal priority.
  }
  const lines = createInterface({ input: process.stdin });
  // A terminal signals the whole process group, but only the capture may end this process.
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
  const run = async ({ folder, from, state, settings, version, graceMs }: ExporterStart<Settings>) => {
    // End of input: the capture has stopped or died.
    lines.once("close", () => {
      finish.abort();
      setTimeout(() => stop.abort(), graceMs).unref();
    });
    const context: DestinationContext = {
      version,
      host: { name: hostname(), arch: arch(), system: platform() },
      log: (level, message) => send({ level, message }),
      finish: finish.signal,
      stop: stop.signal,
    };
    const destination = destinationOf(settings, context);
    await exportEvents({ ...context, folder, from, state: new StateFile(state), destination });
  };
  lines.once("line", (line) => {
    run(JSON.parse(line) as ExporterStart<Settings>).then(
      () => process.exit(),
      (error: Error) => {
        printError(error.message);
        process.exit(1);
      },
    );
  });
}
