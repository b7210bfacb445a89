/** The redirect of macOS: a script holds the rules while its standard input is open, and takes commands there. */

import { OximyError } from "../errors.js";
import type { AddressFamily, HeldRedirect } from "./held-redirect.js";
import { holdArguments, type RedirectOptions, redirectScript } from "./redirect.js";
import { type ExitErrors, endHolder, type Holder, startHolder } from "./redirect-holder.js";

/** The result of the script's check of pf. */
export type PfState =
  | { readonly kind: "ok" }
  /** It had to fix something: another program removed rules, or the outgoing interface changed. */
  | { readonly kind: "renewed"; readonly ways: string }
  /** Connections go directly. */
  | { readonly kind: "lost"; readonly why: string }
  | { readonly kind: "withdrawn" };

const READY_MS = 10_000;
/** A command runs some ten short programs. A script that takes longer hangs, and its stand-in takes over. */
const ORDER_MS = 20_000;
/** The script itself waits 10 s for open connections. */
const REMOVE_MS = 12_000;

const EXIT_ERRORS: ExitErrors = {
  3: ["OXIMY_E_PRIVILEGE", "Run it as root: sudo oximy local"],
  4: ["OXIMY_E_TOOL_MISSING", "The message above says what pf lacks; docs/macos.md has the remedies."],
};

export class MacRedirect implements HeldRedirect {
  private removing = false;
  private readonly answers: ((line: string) => void)[] = [];
  private readonly ended: Promise<void>;
  private hasEnded = false;

  private constructor(
    private readonly holder: Holder,
    onLost: (reason: string) => void,
    private readonly orderMs: number,
  ) {
    holder.lines.on("line", (line: string) => this.answers.shift()?.(line));
    this.ended = holder.ended.then(() => {
      this.hasEnded = true;
      for (const answer of this.answers.splice(0)) answer("ended");
      if (!this.removing) onLost(holder.complaint() || "the script that holds it ended");
    });
  }

  /**
   * Installs the rules. Throws OXIMY_E_PRIVILEGE, OXIMY_E_TOOL_MISSING or OXIMY_E_REDIRECT.
   * @param onLost called when the script ends without our request
   */
  static async install(
    options: RedirectOptions,
    onLost: (reason: string) => void,
    path = redirectScript("darwin"),
    orderMs = ORDER_MS,
  ): Promise<MacRedirect> {
    const args = holdArguments(options);
    const holder = await startHolder({ path, args, exitErrors: EXIT_ERRORS, readyMs: READY_MS });
    return new MacRedirect(holder, onLost, orderMs);
  }

  /** Checks pf, restores our rules, and follows the outgoing interface if it has changed. Never rejects. */
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

  /** Includes both families again. */
  async takeBoth(): Promise<void> {
    await this.order("both");
  }

  async remove(): Promise<void> {
    this.removing = true;
    await endHolder(this.holder, REMOVE_MS);
    await this.ended;
  }

  /** Commands are answered in order, one line each. */
  private order(word: string): Promise<string> {
    if (this.hasEnded || this.removing) return Promise.resolve("ended");
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.holder.script.kill("SIGKILL"), this.orderMs);
      this.answers.push((line) => {
        clearTimeout(timer);
        resolve(line);
      });
      this.holder.script.stdin.write(`${word}\n`);
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
