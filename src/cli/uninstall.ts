/** `oximy uninstall`: restores the machine to its state before Oximy. */

import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { print } from "../terminal.js";
import { asInvokingUser, findInvokingUser } from "../user/invoking-user.js";
import { whyUnsafe } from "../user/safe-folder.js";
import { oximyHome } from "../user/settings.js";
import { stateFolder } from "../user/state-folder.js";
import { afterUninstall, printOutcomes, refuseFailures, uninstallEverywhere } from "./ca-trust.js";
import { cleanUp } from "./cleanup.js";
import { removeService } from "./service.js";

/** Files that Oximy creates in its folder; the one named by `OXIMY_HOME` may contain others. */
const OURS = /^(ca|traces|ui|otlp|syslog|config\.json|pins\.json(\..+)?|bundle-cache\.json(\..+)?)$/;

/** Root's files (OXIMY_STATE_DIR): the machine's CA, and where TLS secrets are in executables. */
const OURS_OF_ROOT = /^(ca|sites\.json(\.\d+)?|containers\.json(\.\d+)?)$/;

export function addUninstallCommand(program: Command): void {
  const command = program
    .command("uninstall")
    .description("remove every rule and the certificate from this machine (needs root)")
    .option(
      "--purge",
      "also remove the certificate authorities and ~/.oximy, with configuration and all events",
      false,
    );
  command.action(async () => {
    // First, or the service would restart what is cleaned up.
    if (process.getuid?.() === 0) removeService();
    await cleanUp("all", "uninstall");
    const change = await uninstallEverywhere();
    printOutcomes(change, "removed", { kind: "text", print });
    for (const line of afterUninstall(change)) print(line);
    refuseFailures(change, "uninstall");
    const invokingUser = findInvokingUser();
    const home = oximyHome(process.env, invokingUser.home);
    if (command.opts<{ purge: boolean }>().purge) {
      const left = asInvokingUser(invokingUser, () => purge(home));
      print(left.length === 0 ? `removed      ${home}` : `left in ${home}: ${left.join(", ")}`);
      const state = stateFolder();
      // Root must not delete in a folder that others can write to.
      const leftOfRoot = whyUnsafe(state) === undefined ? purge(state, OURS_OF_ROOT) : ["everything"];
      print(leftOfRoot.length === 0 ? `removed      ${state}` : `left in ${state}: ${leftOfRoot.join(", ")}`);
    } else if (existsSync(home)) {
      print(`Events and the certificate authority stay in ${home}; --purge removes them.`);
    }
    print(`The program itself: ${howToRemove()}`);
  });
}

/** Where the Debian package puts its library (scripts/deb-files.mjs). */
const OF_PACKAGE = "/usr/lib/oximy/";

/** @param program path of the running file */
export function howToRemove(program = fileURLToPath(import.meta.url)): string {
  return program.startsWith(OF_PACKAGE) ? "sudo apt remove oximy" : "npm uninstall -g oximy";
}

/** Removes our files except those that sessions may still use, and the folder if empty then. Returns the rest. */
export function purge(home: string, ours = OURS): string[] {
  if (!existsSync(home)) return [];
  const names = readdirSync(home);
  for (const name of names.filter((name) => ours.test(name))) rmSync(join(home, name), { recursive: true });
  const left = names.filter((name) => !ours.test(name));
  if (left.length === 0) rmdirSync(home);
  return left;
}
