/** `oximy cleanup`: remove what an older run may have left. */

import type { Command } from "commander";
import { OximyError } from "../errors.js";
import { runRedirectScript } from "../local/redirect.js";

export function addCleanupCommand(program: Command): void {
  const command = program
    .command("cleanup")
    .description("remove the redirect that an older run may have left (needs root)")
    .option("--all", "also what is kept on purpose, as before an uninstall", false);
  command.action(async () => {
    if (process.getuid?.() !== 0) {
      throw new OximyError(
        "OXIMY_E_PRIVILEGE",
        "Removing redirect rules needs root.",
        "Run: sudo oximy cleanup",
      );
    }
    const { all } = command.opts<{ all: boolean }>();
    const { code, output } = await runRedirectScript(all ? ["cleanup", "--all"] : ["cleanup"]);
    if (code !== 0)
      throw new OximyError(
        "OXIMY_E_REDIRECT",
        `Cleaning up failed: ${output}`,
        "What it says tells what to do.",
      );
    if (output) console.log(output);
  });
}
