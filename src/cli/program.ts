/** The command line: all commands. */

import { Command } from "commander";
import { giveRootUp } from "../user/invoking-user.js";
import { VERSION } from "../version.js";
import { addAppsCommand } from "./apps.js";
import { addBundleCommand } from "./bundle.js";
import { addCaCommand, addEnvCommand } from "./ca.js";
import { flagsOverruled } from "./capture-options.js";
import { addCleanupCommand } from "./cleanup.js";
import { addCompletionCommand, addManCommand } from "./completion.js";
import { addConfigCommand } from "./config.js";
import { addDemoCommand } from "./demo.js";
import { addDiffCommand } from "./diff.js";
import { addDoctorCommand } from "./doctor.js";
import { addEventsCommand } from "./events.js";
import { addExamples } from "./examples.js";
import { addExportCommand } from "./export.js";
import { addLocalCommand } from "./local.js";
import { addMcpCommand } from "./mcp.js";
import { addMcpServerCommand } from "./mcp-server.js";
import { addPinsCommand } from "./pins.js";
import { addProxyCommand } from "./proxy.js";
import { reportWarning } from "./report.js";
import { addRunCommand } from "./run.js";
import { addServiceCommand } from "./service.js";
import { addSessionsCommand } from "./sessions.js";
import { addShowCommand } from "./show.js";
import { addStatsCommand } from "./stats.js";
import { addUiCommand } from "./ui.js";
import { addUninstallCommand } from "./uninstall.js";

/** These look at the invoking user's files and nothing else. */
const NEEDING_NO_ROOT = new Set([
  "bundle",
  "completion",
  "config",
  "env",
  "events",
  "export",
  "mcp-server",
  "pins",
  "stats",
  "ui",
]);

export function createProgram(): Command {
  const program = new Command("oximy")
    .description("Capture every AI call that this computer makes, and say which app made it.")
    .version(VERSION)
    .enablePositionalOptions()
    .showHelpAfterError("(run with --help for the options)")
    .exitOverride()
    .hook("preSubcommand", (_program, command) => {
      if (NEEDING_NO_ROOT.has(command.name())) giveRootUp();
    })
    .hook("preAction", (_program, command) => {
      for (const sentence of flagsOverruled(command)) reportWarning(sentence, command.opts().json === true);
    });
  for (const add of [
    addLocalCommand,
    addProxyCommand,
    addRunCommand,
    addMcpCommand,
    addAppsCommand,
    addBundleCommand,
    addEventsCommand,
    addStatsCommand,
    addSessionsCommand,
    addShowCommand,
    addDiffCommand,
    addExportCommand,
    addMcpServerCommand,
    addUiCommand,
    addPinsCommand,
    addDemoCommand,
    addCaCommand,
    addEnvCommand,
    addDoctorCommand,
    addServiceCommand,
    addCleanupCommand,
    addConfigCommand,
    addCompletionCommand,
    addManCommand,
    addUninstallCommand,
  ])
    add(program);
  addExamples(program);
  return program;
}
