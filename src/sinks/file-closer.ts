/** Has event files closed by a separate process, with the lowest priority and as their owner. */

import { type ChildProcess, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { CloseOptions } from "./close-files.js";
import { closedPlainFiles, unfinishedFiles } from "./due-files.js";
import { failureOf, unreferenced } from "./side-process.js";
import type { SinkLog } from "./sink.js";

const MAIN = fileURLToPath(new URL(`./close-files-main${extname(import.meta.url)}`, import.meta.url));
const CHECK_MS = 300_000;

export interface FileCloserOptions
  extends Pick<CloseOptions, "folder" | "keepDays" | "keepBytes" | "holdMs"> {
  readonly log?: SinkLog;
  readonly checkMs?: number;
}

/** Checks periodically whether a file is due. */
export class FileCloser {
  private readonly options: FileCloserOptions;
  private readonly timer: NodeJS.Timeout;
  private child: ChildProcess | undefined;
  private failing = false;

  constructor(options: FileCloserOptions) {
    this.options = options;
    this.timer = setInterval(() => this.check(), options.checkMs ?? CHECK_MS).unref();
    this.check();
  }

  check(): void {
    if (this.child !== undefined) return;
    try {
      if (this.isSomethingDue()) this.start();
    } catch (error) {
      this.failed((error as Error).message);
    }
  }

  /** Abandons the file in progress; the next closer starts it over. */
  close(): void {
    clearInterval(this.timer);
    this.child?.kill();
  }

  private isSomethingDue(): boolean {
    const { folder, holdMs } = this.options;
    const now = new Date();
    return (
      closedPlainFiles(folder, now, holdMs).some(({ dueAt }) => dueAt <= now.getTime()) ||
      unfinishedFiles(folder, now, holdMs).length > 0
    );
  }

  private start(): void {
    const { folder, keepDays, keepBytes, holdMs } = this.options;
    const child = spawn(
      process.execPath,
      ["--max-old-space-size=64", MAIN, JSON.stringify({ folder, keepDays, keepBytes, holdMs })],
      { stdio: ["pipe", "ignore", "pipe"], env: {}, ...ownerOf(folder) },
    );
    this.child = child;
    const failure = failureOf(child);
    child.once("error", ({ message }) => {
      this.child = undefined;
      this.failed(message);
    });
    child.once("close", (code) => {
      this.child = undefined;
      if (code === 0) this.failing = false;
      else if (code !== null) this.failed(failure());
    });
    unreferenced(child);
  }

  private failed(why: string): void {
    if (this.failing) return;
    this.failing = true;
    this.options.log?.("warn", `Event files in ${this.options.folder} could not be compressed: ${why}`);
  }
}

/** As root it would follow links that the folder's owner planted there, so it runs as that owner. */
export function ownerOf(folder: string): { uid: number; gid: number } | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const { uid, gid } = statSync(folder);
  return uid === 0 ? undefined : { uid, gid };
}
