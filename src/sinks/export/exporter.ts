/**
 * Exports captured events from a separate process, which reads the event files with the lowest priority and as their
 * owner. The capture only starts and stops it. The process inherits the group of its parent, so that `oximy local` does
 * not capture its connections.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { extname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ownerOf } from "../file-closer.js";
import { failureOf, unreferenced } from "../side-process.js";
import type { SinkLog } from "../sink.js";
import { endOf, type Position } from "./event-position.js";

/** The entry point for each kind of destination. */
const mainOf = (kind: DestinationKind) =>
  fileURLToPath(new URL(`../${kind}/export-main${extname(import.meta.url)}`, import.meta.url));
const RESTART_MS = 5_000;
const LONGEST_RESTART_MS = 300_000;
/** Time to send the remaining events when the capture ends; the next capture sends the rest. */
const GRACE_MS = 2_000;
/** After that the process is killed. */
const KILL_MS = 500;

export type DestinationKind = "otlp" | "syslog";

/** The process's one line of input. */
export interface ExporterStart<Settings = unknown> {
  readonly folder: string;
  /** Events written before this position are not exported. */
  readonly from: Position;
  /** Path of the file that stores how far the export has got. */
  readonly state: string;
  readonly settings: Settings;
  readonly version: string;
  readonly graceMs: number;
}

export interface FromExporter {
  readonly level: "info" | "warn";
  readonly message: string;
}

export interface ExporterOptions {
  readonly kind: DestinationKind;
  readonly folder: string;
  /** Folder of the state files, one for each collector. */
  readonly stateFolder: string;
  /** Addresses that identify the collector. */
  readonly address: unknown;
  /** Plain data, specific to the kind. */
  readonly settings: unknown;
  readonly version: string;
  readonly log: SinkLog;
  /** Node's arguments before the program; tests run from source. */
  readonly execArgv?: readonly string[];
}

export class Exporter {
  private readonly options: ExporterOptions;
  private child: ChildProcess | undefined;
  private restart: NodeJS.Timeout | undefined;
  private readonly from: Position;
  private wait = RESTART_MS;
  private startedAt = 0;
  private closed = false;

  constructor(options: ExporterOptions) {
    this.options = options;
    this.from = endOf(options.folder);
    this.start();
  }

  /** Waits a short time for the remaining events to be sent. Never rejects. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.restart);
    const child = this.child;
    if (child === undefined) return;
    child.ref();
    child.stdin?.end();
    const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS + KILL_MS);
    await once(child, "close").catch(() => {}); // it could not be started
    clearTimeout(timer);
  }

  private start(): void {
    const { kind, folder, stateFolder, address, settings, version, log, execArgv = [] } = this.options;
    const child = spawn(process.execPath, ["--max-old-space-size=128", ...execArgv, mainOf(kind)], {
      stdio: ["pipe", "pipe", "pipe"],
      env: {},
      ...ownerOf(folder),
    });
    this.child = child;
    this.startedAt = performance.now();
    const name = createHash("sha256")
      .update(JSON.stringify([folder, address]))
      .digest("hex")
      .slice(0, 16);
    const start: ExporterStart = {
      folder,
      from: this.from,
      state: join(stateFolder, `${name}.json`),
      settings,
      version,
      graceMs: GRACE_MS,
    };
    child.stdin.on("error", () => {}); // it ended before it read its input; "close" reports that
    child.stdin.write(`${JSON.stringify(start)}\n`);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const { level, message } = JSON.parse(line) as FromExporter;
      log(level, `${kind}: ${message}`);
    });
    const failure = failureOf(child);
    child.once("error", ({ message }) => this.ended(message));
    child.once("close", () => this.ended(failure()));
    unreferenced(child);
  }

  private ended(why: string): void {
    if (this.child === undefined) return;
    this.child = undefined;
    if (this.closed) return;
    // A process that ran for long does not fail for the reason that the ones before it failed for.
    if (performance.now() - this.startedAt > LONGEST_RESTART_MS) this.wait = RESTART_MS;
    this.options.log("warn", `${this.options.kind}: the export process failed and will be restarted: ${why}`);
    this.restart = setTimeout(() => this.start(), this.wait).unref();
    this.wait = Math.min(this.wait * 2, LONGEST_RESTART_MS);
  }
}
