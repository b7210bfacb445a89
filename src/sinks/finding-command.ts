/**
 * Runs a program of the user's for each finding, with a line of JSON on standard input that contains neither the
 * conversation nor the text that matched. No shell is involved, it never runs as root, and its rate and run time are
 * limited.
 */

import { type ChildProcess, spawn } from "node:child_process";
import type { OximyEvent } from "../event/event.js";
import { appNameOf } from "../event/facts.js";
import type { SinkLog } from "./sink.js";

const LONGEST_MS = 10_000;
const MOST_A_MINUTE = 30;
const MOST_AT_ONCE = 2;
const MINUTE_MS = 60_000;

export interface FindingCommandOptions {
  /** Path of an executable. */
  readonly command: string;
  readonly log: SinkLog;
  readonly longestMs?: number;
  readonly now?: () => number;
}

export class FindingCommand {
  private readonly options: FindingCommandOptions;
  private readonly running = new Set<ChildProcess>();
  private begunAt = Number.NEGATIVE_INFINITY;
  private begun = 0;
  private hasFailed = false;
  private leftOut = 0;

  constructor(options: FindingCommandOptions) {
    this.options = options;
  }

  /** Never throws, never waits. */
  notify(event: OximyEvent): void {
    if (event.findings === undefined) return;
    if (process.geteuid?.() === 0) {
      this.failed("it is not run as root");
      return;
    }
    if (!this.hasRoom()) {
      this.leftOut += 1;
      return;
    }
    const { command, longestMs = LONGEST_MS } = this.options;
    const child = spawn(command, [], {
      shell: false,
      stdio: ["pipe", "ignore", "ignore"],
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
      timeout: longestMs,
      killSignal: "SIGKILL",
    });
    this.running.add(child);
    child.once("error", ({ message }) => {
      this.running.delete(child);
      this.failed(message);
    });
    child.once("close", () => this.running.delete(child));
    child.stdin.on("error", () => {}); // it need not read its input
    child.stdin.end(`${JSON.stringify(noticeOf(event, this.leftOut))}\n`);
    this.leftOut = 0;
    child.unref();
  }

  close(): void {
    for (const child of this.running) child.kill("SIGKILL");
  }

  private hasRoom(): boolean {
    if (this.running.size >= MOST_AT_ONCE) return false;
    const now = (this.options.now ?? Date.now)();
    if (now - this.begunAt >= MINUTE_MS) {
      this.begunAt = now;
      this.begun = 0;
    }
    if (this.begun >= MOST_A_MINUTE) return false;
    this.begun += 1;
    return true;
  }

  private failed(why: string): void {
    if (this.hasFailed) return;
    this.hasFailed = true;
    this.options.log("warn", `The command for findings, ${this.options.command}, was not run: ${why}`);
  }
}

/** `left_out`: findings before this one for which the command did not run, since there were too many. */
function noticeOf(event: OximyEvent, leftOut: number) {
  const { event_id, timestamp, source, client, conversation, findings } = event;
  return {
    event_id,
    timestamp,
    source: source.id,
    app: appNameOf(event),
    user: client.user,
    conversation: conversation?.id,
    findings,
    left_out: leftOut,
  };
}
