/** The redirect of macOS: a script holds the rules for as long as we hold its standard input, and takes orders there. */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { OximyError } from "../errors.js";
import type { AddressFamily, HeldRedirect } from "./held-redirect.js";
import { holdArguments, type RedirectOptions, redirectScript } from "./redirect.js";

/** What the script found when it looked at pf. */
export type PfState =
  | { readonly kind: "ok" }
  /** It had to do something: other people took rules away, or the way out has changed. */
  | { readonly kind: "renewed"; readonly ways: string }
  /** Connections go directly. */
  | { readonly kind: "lost"; readonly why: string }
  | { readonly kind: "withdrawn" };

const READY_MS = 10_000;
/** An order takes some ten short commands. A script that takes longer hangs, and its stand-in takes over. */
const ORDER_MS = 20_000;
/** The script itself waits 10 s for open connections. */
const REMOVE_MS = 12_000;

const EXIT_ERRORS: Record<number, readonly ["OXIMY_E_PRIVILEGE" | "OXIMY_E_TOOL_MISSING", string]> = {
  3: ["OXIMY_E_PRIVILEGE", "Run it as root: sudo oximy local"],
  4: ["OXIMY_E_TOOL_MISSING", "What it says tells what pf lacks; docs/macos.md has the ways out."],
};

export class MacRedirect implements HeldRedirect {
  private removing = false;
  private readonly answers: ((line: string) => void)[] = [];
  private readonly ended: Promise<void>;
  private hasEnded = false;

  private constructor(
    private readonly script: ChildProcess,
    lines: NodeJS.EventEmitter,
    onLost: (reason: string) => void,
    complaint: () => string,
    private readonly orderMs: number,
  ) {
    lines.on("line", (line: string) => this.answers.shift()?.(line));
    this.ended = new Promise((resolve) => {
      const end = () => {
        this.hasEnded = true;
        // Whoever still waits for end-of-file on the other end shall see it.
        script.stdin?.destroy();
        for (const answer of this.answers.splice(0)) answer("ended");
        resolve();
        if (!this.removing) onLost(complaint() || "the script that holds it ended");
      };
      if (script.exitCode !== null || script.signalCode !== null) end();
      else script.once("exit", end);
    });
  }

  /**
   * Installs the rules. Throws OXIMY_E_PRIVILEGE, OXIMY_E_TOOL_MISSING or OXIMY_E_REDIRECT.
   * @param onLost called when the script ends although nobody asked for it
   */
  static async install(
    options: RedirectOptions,
    onLost: (reason: string) => void,
    path = redirectScript("darwin"),
    orderMs = ORDER_MS,
  ): Promise<MacRedirect> {
    const script = spawn("/bin/sh", [path, ...holdArguments(options)], {
      stdio: ["pipe", "pipe", "pipe"],
      // Ctrl-C in the terminal is for the supervisor alone, which takes the rules out in order.
      detached: true,
    });
    script.stdin.on("error", () => {}); // it has ended; that is seen by its exit
    let complaint = "";
    script.stderr.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString("utf8")).slice(-2_000);
    });
    const why = () =>
      complaint
        .trim()
        .split("\n")
        .at(-1)
        ?.replace(/^oximy-redirect: /, "") ?? "";
    const lines = createInterface({ input: script.stdout });
    await new Promise<void>((resolve, reject) => {
      const giveUp = (code: number | null) => {
        clearTimeout(timer);
        const [errorCode, advice] =
          EXIT_ERRORS[code ?? 0] ?? (["OXIMY_E_REDIRECT", "Run: oximy cleanup"] as const);
        const reason = why() || `${path} ended with ${code ?? "a signal"}`;
        reject(new OximyError(errorCode, `The redirect could not be installed: ${reason}`, advice));
      };
      const timer = setTimeout(() => script.stdin.end(() => script.kill("SIGKILL")), READY_MS);
      script.once("exit", giveUp).once("error", (error) => {
        complaint = error.message;
        giveUp(null);
      });
      lines.once("line", (line) => {
        if (line !== "ready") return;
        clearTimeout(timer);
        script.off("exit", giveUp);
        resolve();
      });
    });
    return new MacRedirect(script, lines, onLost, why, orderMs);
  }

  /** Looks at pf, puts back what is ours, and follows the way out when it has changed. Never rejects. */
  async check(): Promise<PfState> {
    return readState(await this.order("check"));
  }

  async withdraw(): Promise<void> {
    await this.order("withdraw");
  }

  async restore(): Promise<void> {
    const state = readState(await this.order("restore"));
    if (state.kind === "lost" && !this.removing) {
      throw new OximyError(
        "OXIMY_E_REDIRECT",
        `The redirect could not be installed again: ${state.why}`,
        "Run: oximy cleanup",
      );
    }
  }

  async leaveOut(family: AddressFamily): Promise<boolean> {
    await this.order(family === "IPv4" ? "only 6" : "only 4");
    return true;
  }

  /** Takes in again what was left out. */
  async takeBoth(): Promise<void> {
    await this.order("both");
  }

  async remove(): Promise<void> {
    this.removing = true;
    this.script.stdin?.end();
    const timer = setTimeout(() => this.script.kill("SIGKILL"), REMOVE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** Orders are answered in turn, one line each. */
  private order(word: string): Promise<string> {
    if (this.hasEnded || this.removing) return Promise.resolve("ended");
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.script.kill("SIGKILL"), this.orderMs);
      this.answers.push((line) => {
        clearTimeout(timer);
        resolve(line);
      });
      this.script.stdin?.write(`${word}\n`);
    });
  }
}

function readState(answer: string): PfState {
  const [, word, rest = ""] = /^(\S+) ?(.*)$/.exec(answer) ?? [];
  switch (word) {
    case "ok":
    case "withdrawn":
      return { kind: word };
    case "renewed":
      return { kind: "renewed", ways: rest };
    case "lost":
      return { kind: "lost", why: rest };
    default:
      return { kind: "lost", why: "the script that holds it ended" };
  }
}
