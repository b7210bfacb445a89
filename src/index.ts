/**
 * The library: what `import … from "oximy"` gives.
 *
 * ```ts
 * import { startCapture } from "oximy";
 *
 * const capture = await startCapture({ onEvent: (event) => console.log(event.interaction?.response?.content) });
 * // Send requests through http://127.0.0.1:${capture.port}, trusting capture.certificatePath.
 * await capture.stop();
 * ```
 */

import { startExplicitCapture } from "./engine/explicit-capture.js";
import type { OximyEvent } from "./event/event.js";
import { createLog, type LogLevel } from "./log.js";
import { type CaptureSettings, defaultSettings, oximyHome } from "./user/settings.js";

export type { Endpoint, Owner, ProcessIdentity } from "./connection/client.js";
export { type ErrorCode, OximyError } from "./errors.js";
export type { EventApp, EventClient, EventMetadata, EventSource, OximyEvent } from "./event/event.js";
export type {
  Interaction,
  InteractionRequest,
  InteractionResponse,
  Usage,
} from "./interaction/interaction.js";
export { parseBundle } from "./oisp/parse.js";
export { readEvents } from "./traces/event-files.js";
export { proxyEnvironment, trustEnvironment } from "./trust/trust-environment.js";
export type { CaptureSettings } from "./user/settings.js";

export interface CaptureOptions extends Partial<Omit<CaptureSettings, "feed">> {
  /** Port of the explicit proxy; 0, the default, takes any free one. */
  readonly port?: number;
  /** Address that it listens on; 127.0.0.1 by default. */
  readonly host?: string;
  /** Called for each event, in addition to its line in the file. */
  readonly onEvent?: (event: OximyEvent) => void;
  /** What is logged to standard error; `warn` and above by default. */
  readonly logLevel?: LogLevel;
}

export interface Capture {
  readonly port: number;
  /** Certificate that clients must trust. */
  readonly certificatePath: string;
  /** Folder of the event files. */
  readonly outputDir: string;
  /** Resolves when everything captured so far is written. */
  flush(): Promise<void>;
  /** Lets open connections end within `graceMs` (2,000), then closes them and writes the remaining events. */
  stop(graceMs?: number): Promise<void>;
}

/**
 * Starts an explicit proxy with capture in this process: no root, nothing redirected.
 * @throws OximyError OXIMY_E_PORT_TAKEN, OXIMY_E_OUTPUT_DIR, OXIMY_E_CA, OXIMY_E_BUNDLE_…, OXIMY_E_NATIVE_MISSING
 */
export async function startCapture(options: CaptureOptions = {}): Promise<Capture> {
  const { port = 0, host = "127.0.0.1", onEvent, logLevel = "warn", ...given } = options;
  const settings: CaptureSettings = { ...defaultSettings(given.home ?? oximyHome()), ...given };
  const capture = await startExplicitCapture({
    settings,
    host,
    port,
    log: createLog({ json: false, level: logLevel }),
    onEvent: (event) => onEvent?.(event as OximyEvent),
  });
  return {
    port: capture.port,
    certificatePath: capture.certificatePath,
    outputDir: settings.outputDir,
    flush: () => capture.flush(),
    stop: async (graceMs = 2_000) => void (await capture.stop(graceMs)),
  };
}
