/** The redirect's life: the script holds the rules for as long as we hold its standard input. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { OximyError } from "../errors.js";
import { OXIMY_GID } from "./settings.js";

export interface RedirectOptions {
  /** Port of our listener on loopback. */
  readonly listenerPort: number;
  /** TCP ports that are redirected. */
  readonly ports: readonly number[];
  /** Ports of local models, redirected on loopback too. */
  readonly localPorts: readonly number[];
  /** True leaves QUIC alone; else UDP 443 is rejected, so that clients fall back to TCP. */
  readonly allowQuic: boolean;
  readonly backend?: "auto" | "nft" | "iptables";
}

/** Some 0.3 s are usual; a machine that is busy may need many times that. */
const READY_MS = 30_000;
const REMOVE_MS = 2_000;

export function redirectScript(platform = process.platform): string {
  const name = platform === "darwin" ? "redirect-macos.sh" : "redirect-linux.sh";
  return fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url));
}

/** Command line of `hold`, without the script. */
export function holdArguments(options: RedirectOptions): string[] {
  const args = ["hold", "--port", String(options.listenerPort), "--gid", String(OXIMY_GID)];
  args.push("--ports", options.ports.join(","));
  if (options.localPorts.length > 0) args.push("--local-ports", options.localPorts.join(","));
  if (options.allowQuic) args.push("--allow-quic");
  if (options.backend) args.push("--backend", options.backend);
  return args;
}

const EXIT_ERRORS: Record<number, readonly ["OXIMY_E_PRIVILEGE" | "OXIMY_E_TOOL_MISSING", string]> = {
  3: ["OXIMY_E_PRIVILEGE", "Run it as root: sudo oximy local"],
  4: ["OXIMY_E_TOOL_MISSING", "Install nftables (Debian and Ubuntu: apt-get install nftables), or iptables."],
};

export class Redirect {
  private removing = false;

  private constructor(
    private readonly script: ChildProcess,
    private readonly ended: Promise<void>,
  ) {}

  /**
   * Installs the rules. Throws OXIMY_E_PRIVILEGE, OXIMY_E_TOOL_MISSING or OXIMY_E_REDIRECT.
   * @param onLost called when the rules go although nobody asked for it
   * @param onNote called with what the script says while it holds them
   */
  static async install(
    options: RedirectOptions,
    onLost: (reason: string) => void,
    onNote: (line: string) => void,
  ): Promise<Redirect> {
    const script = spawn("/bin/sh", [redirectScript(), ...holdArguments(options)], {
      stdio: ["pipe", "pipe", "pipe"],
      // Ctrl-C in the terminal is for the supervisor alone, which takes the rules out in order.
      detached: true,
    });
    script.stdin.on("error", () => {}); // it has ended; that is seen by its exit
    let complaint = "";
    script.stderr.on("data", (chunk: Buffer) => {
      const text = chunk.toString("utf8");
      complaint = (complaint + text).slice(-2_000);
      if (redirect) for (const line of text.trim().split("\n")) onNote(withoutPrefix(line));
    });
    let redirect: Redirect | undefined;
    const ended = new Promise<void>((resolve) => {
      script.once("exit", () => {
        resolve();
        // Whoever still waits for end-of-file on the other end shall see it.
        script.stdin.destroy();
        if (redirect && !redirect.removing) onLost(lastLine(complaint) || "the script that holds it ended");
      });
    });
    await new Promise<void>((resolve, reject) => {
      const giveUp = (code: number | null) => {
        clearTimeout(timer);
        const [errorCode, advice] =
          EXIT_ERRORS[code ?? 0] ?? (["OXIMY_E_REDIRECT", "Run: oximy cleanup"] as const);
        const why = lastLine(complaint) || `${redirectScript()} ended with ${code ?? "a signal"}`;
        reject(new OximyError(errorCode, `The redirect could not be installed: ${why}`, advice));
      };
      const timer = setTimeout(() => script.stdin.end(() => script.kill("SIGKILL")), READY_MS);
      script.once("exit", giveUp).once("error", (error) => {
        complaint = error.message;
        giveUp(null);
      });
      let output = "";
      script.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString("utf8");
        if (!/^ready$/m.test(output)) return;
        clearTimeout(timer);
        script.off("exit", giveUp);
        resolve();
      });
    });
    redirect = new Redirect(script, ended);
    return redirect;
  }

  /** Takes the rules out. Resolves when they are gone. Can be called twice. */
  async remove(): Promise<void> {
    this.removing = true;
    this.script.stdin?.end();
    const timer = setTimeout(() => this.script.kill("SIGKILL"), REMOVE_MS);
    await this.ended;
    clearTimeout(timer);
  }
}

const withoutPrefix = (line: string): string => line.replace(/^oximy-redirect: /, "");
const lastLine = (text: string): string => withoutPrefix(text.trim().split("\n").at(-1)!);

/**
 * Throws OXIMY_E_REDIRECT when another process asked for the redirect that is held now; also when it is of another
 * user or home. Two that start in the same moment are told apart by the script's lock.
 */
export async function refuseSecondRun(): Promise<void> {
  const { code, output } = await runRedirectScript(["holder"]);
  if (code !== 0) return;
  throw new OximyError(
    "OXIMY_E_REDIRECT",
    `This machine is captured already, by process ${output}.`,
    `End that one first (Ctrl-C, or: sudo kill ${output}). When it does not end: sudo oximy cleanup`,
  );
}

/** Runs `cleanup` or `status`. Resolves with its exit code and what it printed. */
export function runRedirectScript(args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile("/bin/sh", [redirectScript(), ...args], { encoding: "utf8" }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === "number" ? error.code : 1) : 0;
      resolve({ code, output: (stdout + stderr).trim() });
    });
  });
}
