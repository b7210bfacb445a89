/** The redirect's lifetime: the script holds the rules while we hold its standard input. */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { OximyError } from "../errors.js";
import { OXIMY_GID } from "../user/settings.js";
import { type ExitErrors, endHolder, type Holder, startHolder, withoutPrefix } from "./redirect-holder.js";

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

/** Usually takes some 0.3 s; a busy machine may need many times that. */
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

const EXIT_ERRORS: ExitErrors = {
  3: ["OXIMY_E_PRIVILEGE", "Run it as root: sudo oximy local"],
  4: ["OXIMY_E_TOOL_MISSING", "Install nftables (Debian and Ubuntu: apt-get install nftables), or iptables."],
};

export class Redirect {
  private removing = false;
  private readonly ended: Promise<void>;

  private constructor(
    private readonly holder: Holder,
    onLost: (reason: string) => void,
    onNote: (line: string) => void,
  ) {
    holder.script.stderr.on("data", (chunk: Buffer) => {
      for (const line of chunk.toString("utf8").trim().split("\n")) onNote(withoutPrefix(line));
    });
    this.ended = holder.ended.then(() => {
      if (!this.removing) onLost(holder.complaint() || "the script that holds it ended");
    });
  }

  /**
   * Installs the rules. Throws OXIMY_E_PRIVILEGE, OXIMY_E_TOOL_MISSING or OXIMY_E_REDIRECT.
   * @param onLost called when the rules are removed without our request
   * @param onNote called with later messages of the script
   */
  static async install(
    options: RedirectOptions,
    onLost: (reason: string) => void,
    onNote: (line: string) => void,
  ): Promise<Redirect> {
    const holder = await startHolder({
      path: redirectScript(),
      args: holdArguments(options),
      exitErrors: EXIT_ERRORS,
      readyMs: READY_MS,
    });
    return new Redirect(holder, onLost, onNote);
  }

  /** Removes the rules. Resolves when they are gone. Idempotent. */
  async remove(): Promise<void> {
    this.removing = true;
    await endHolder(this.holder, REMOVE_MS);
    await this.ended;
  }
}

/**
 * Throws OXIMY_E_REDIRECT when another process holds the redirect, even for another user or home. Two that start at
 * the same moment are serialized by the script's lock.
 */
export async function refuseSecondRun(): Promise<void> {
  const { code, output } = await runRedirectScript(["holder"]);
  if (code !== 0) return;
  throw new OximyError(
    "OXIMY_E_REDIRECT",
    `This machine is captured already, by process ${output}.`,
    `Stop that one first (Ctrl-C, or: sudo kill ${output}). If it does not stop: sudo oximy cleanup`,
  );
}

/** Runs `cleanup` or `status`. Resolves with its exit code and output. */
export function runRedirectScript(args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile("/bin/sh", [redirectScript(), ...args], { encoding: "utf8" }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === "number" ? error.code : 1) : 0;
      resolve({ code, output: (stdout + stderr).trim() });
    });
  });
}
