/** `oximy cleanup`: removes leftovers of an earlier run. */

import type { Command } from "commander";
import { OximyError } from "../errors.js";
import { runRedirectScript } from "../supervisor/redirect.js";
import { printText } from "../terminal.js";

export function addCleanupCommand(program: Command): void {
  const command = program
    .command("cleanup")
    .description("remove a redirect left over from an earlier run (needs root)")
    .option("--all", "also remove what is kept on purpose, as before an uninstall", false);
  command.action(() => cleanUp(command.opts<{ all: boolean }>().all ? "all" : "redirect", "cleanup"));
}

/** Throws OXIMY_E_PRIVILEGE or OXIMY_E_REDIRECT. */
export async function cleanUp(scope: "redirect" | "all", command: string): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new OximyError(
      "OXIMY_E_PRIVILEGE",
      "Removing redirect rules needs root.",
      `Run: sudo oximy ${command}`,
    );
  }
  const { code, output } = await runRedirectScript(scope === "all" ? ["cleanup", "--all"] : ["cleanup"]);
  if (code !== 0) {
    throw new OximyError("OXIMY_E_REDIRECT", `Cleaning up failed: ${output}`, "The message says what to do.");
  }
  if (output) printText(output);
}
