/** A process of its own that tells a collector of events: see exporter.ts. What it is told comes as a line of JSON. */

import { arch, constants, hostname, platform, setPriority } from "node:os";
import { createInterface } from "node:readline";
import { printError, printJson } from "../../terminal.js";
import { exportEvents } from "./export-events.js";
import type { ExporterStart, FromExporter } from "./exporter.js";
import { StateFile } from "./state-file.js";

const say = (message: FromExporter) => printJson(message);
const finish = new AbortController();
const stop = new AbortController();

try {
  setPriority(constants.priority.PRIORITY_LOW);
} catch {
  // Where that is not allowed it runs as everything else does.
}
const lines = createInterface({ input: process.stdin });
// A terminal sends its signals to all; it is the capture that ends this.
for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
lines.once("line", (line) => {
  const { folder, from, state, settings, version, graceMs } = JSON.parse(line) as ExporterStart;
  // The end of the input says that the capture has ended, or is gone.
  lines.once("close", () => {
    finish.abort();
    setTimeout(() => stop.abort(), graceMs).unref();
  });
  exportEvents({
    folder,
    from,
    settings,
    state: new StateFile(state),
    version,
    host: { name: hostname(), arch: arch(), system: platform() },
    log: (level, message) => say({ level, message }),
    finish: finish.signal,
    stop: stop.signal,
  }).then(
    () => process.exit(),
    (error: Error) => {
      printError(error.message);
      process.exit(1);
    },
  );
});
