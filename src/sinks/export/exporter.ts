/**
 * Has a destination told of what is captured, beside the capture: a process of its own reads the event files, with the
 * lowest priority and as their owner. Capture gives it nothing but its start and its end. It inherits the group of the
 * process that starts it, so that `oximy local` leaves its connections alone: they are not captured.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { extname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ownerOf } from "../file-closer.js";
import { complaintOf, unreferenced } from "../side-process.js";
import type { SinkLog } from "../sink.js";
import { endOf, type Position } from "./event-position.js";

/** The program of each kind of destination. */
const mainOf = (kind: DestinationKind) =>
  fileURLToPath(new URL(`../${kind}/export-main${extname(import.meta.url)}`, import.meta.url));
const AGAIN_MS = 5_000;
const LONGEST_AGAIN_MS = 300_000;
/** What is there when the capture ends has so long to be sent; the rest is sent by the next one. */
const GRACE_MS = 2_000;
/** Then it is ended. */
const KILL_MS = 500;

export type DestinationKind = "otlp" | "syslog";

/** What the process is told, in its one line of input. */
export interface ExporterStart<Settings = unknown> {
  readonly folder: string;
  /** What was written before is nothing that it is told of. */
  readonly from: Position;
  /** The file that remembers how far the collector has got. */
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
  /** Folder of what is remembered, one file for each collector. */
  readonly stateFolder: string;
  /** Addresses, by which one collector is told from another. */
  readonly address: unknown;
  /** Plain data, of the kind. */
  readonly settings: unknown;
  readonly version: string;
  readonly log: SinkLog;
  /** Node's arguments before the program; tests run from source. */
  readonly execArgv?: readonly string[];
}

export class Exporter {
  private readonly options: ExporterOptions;
  private child: ChildProcess | undefined;
  private again: NodeJS.Timeout | undefined;
  private readonly from: Position;
  private wait = AGAIN_MS;
  private closed = false;

  constructor(options: ExporterOptions) {
    this.options = options;
    this.from = endOf(options.folder);
    this.start();
  }

  /** Waits until what is there was sent, for a short time. Never rejects. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.again);
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
    child.stdin.on("error", () => {}); // it ended before it was told; that is seen by its end
    child.stdin.write(`${JSON.stringify(start)}\n`);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const { level, message } = JSON.parse(line) as FromExporter;
      log(level, `${kind}: ${message}`);
    });
    const complaint = complaintOf(child);
    child.once("error", ({ message }) => this.ended(message));
    child.once("close", (code) => this.ended(complaint(code)));
    unreferenced(child);
  }

  private ended(why: string): void {
    if (this.child === undefined) return;
    this.child = undefined;
    if (this.closed) return;
    this.options.log(
      "warn",
      `${this.options.kind}: what tells the collector of events failed and is started again: ${why}`,
    );
    this.again = setTimeout(() => this.start(), this.wait).unref();
    this.wait = Math.min(this.wait * 2, LONGEST_AGAIN_MS);
  }
}
