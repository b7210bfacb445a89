/** The script that holds a redirect while its standard input is open. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { type ErrorCode, OximyError } from "../errors.js";

/** The errors of its exit codes, with advice. */
export type ExitErrors = Readonly<Record<number, readonly [code: ErrorCode, advice: string]>>;

export interface HolderOptions {
  readonly path: string;
  readonly args: readonly string[];
  readonly exitErrors: ExitErrors;
  readonly readyMs: number;
}

/** A holder whose rules are in force. */
export interface Holder {
  readonly script: ChildProcessWithoutNullStreams;
  /** Its output after it is ready. */
  readonly lines: Interface;
  readonly ended: Promise<void>;
  /** Its last error message; empty when there was none. */
  complaint(): string;
}

export const withoutPrefix = (line: string): string => line.replace(/^oximy-redirect: /, "");
const lastLine = (text: string): string => withoutPrefix(text.trim().split("\n").at(-1)!);

/** Resolves when the rules are in force. Throws the error in `exitErrors`, or OXIMY_E_REDIRECT. */
export async function startHolder({ path, args, exitErrors, readyMs }: HolderOptions): Promise<Holder> {
  const script = spawn("/bin/sh", [path, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    // Ctrl-C in the terminal is for the supervisor alone, which removes the rules in order.
    detached: true,
  });
  script.stdin.on("error", () => {}); // it has exited; detected by its exit event
  let complaint = "";
  script.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString("utf8")).slice(-2_000);
  });
  const ended = new Promise<void>((resolve) => {
    script.once("exit", () => {
      // Lets a process that still waits for end-of-file on the other end see it.
      script.stdin.destroy();
      resolve();
    });
  });
  const lines = createInterface({ input: script.stdout });
  await new Promise<void>((resolve, reject) => {
    const giveUp = (code: number | null) => {
      clearTimeout(timer);
      const [errorCode, advice] = exitErrors[code ?? 0] ?? ["OXIMY_E_REDIRECT", "Run: oximy cleanup"];
      const why = lastLine(complaint) || `${path} ended with ${code ?? "a signal"}`;
      reject(new OximyError(errorCode, `The redirect could not be installed: ${why}`, advice));
    };
    const timer = setTimeout(() => script.stdin.end(() => script.kill("SIGKILL")), readyMs);
    script.once("exit", giveUp).once("error", (error) => {
      complaint = error.message;
      giveUp(null);
    });
    const look = (line: string) => {
      if (line !== "ready") return;
      clearTimeout(timer);
      lines.off("line", look);
      script.off("exit", giveUp);
      resolve();
    };
    lines.on("line", look);
  });
  return { script, lines, ended, complaint: () => lastLine(complaint) };
}

/** Has the script remove the rules; kills it when that takes longer than `ms`. Idempotent. */
export async function endHolder({ script, ended }: Holder, ms: number): Promise<void> {
  script.stdin.end();
  const timer = setTimeout(() => script.kill("SIGKILL"), ms);
  await ended;
  clearTimeout(timer);
}
