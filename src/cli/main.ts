#!/usr/bin/env node
/** The command line. */

import { Command, CommanderError } from "commander";
import { endProcess } from "../supervisor/end-process.js";
import { giveRootUp } from "../user/invoking-user.js";
import { VERSION } from "../version.js";
import { addAppsCommand } from "./apps.js";
import { addBundleCommand } from "./bundle.js";
import { addCaCommand, addEnvCommand } from "./ca.js";
import { addCleanupCommand } from "./cleanup.js";
import { endWithReader } from "./closed-pager.js";
import { addCompletionCommand, addManCommand } from "./completion.js";
import { addConfigCommand } from "./config.js";
import { addDemoCommand } from "./demo.js";
import { addDiffCommand } from "./diff.js";
import { addDoctorCommand } from "./doctor.js";
import { addEventsCommand } from "./events.js";
import { addExportCommand } from "./export.js";
import { addLocalCommand } from "./local.js";
import { addMcpCommand } from "./mcp.js";
import { addMcpServerCommand } from "./mcp-server.js";
import { addPinsCommand } from "./pins.js";
import { addProxyCommand } from "./proxy.js";
import { reportError } from "./report.js";
import { addRunCommand } from "./run.js";
import { addServiceCommand } from "./service.js";
import { addSessionsCommand } from "./sessions.js";
import { addShowCommand } from "./show.js";
import { addStatsCommand } from "./stats.js";
import { addUiCommand } from "./ui.js";
import { addUninstallCommand } from "./uninstall.js";

const WRONG_USAGE = 2;
/** These serve others: they go on when nobody reads their feed any more. */
const SERVING = new Set(["local", "mcp", "proxy", "run", "ui"]);

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

function createProgram(): Command {
  const program = new Command("oximy")
    .description("Capture every AI call that this computer makes, and say which app made it.")
    .version(VERSION)
    .enablePositionalOptions()
    .showHelpAfterError("(run with --help for the options)")
    .exitOverride()
    .hook("preSubcommand", (_program, command) => {
      if (NEEDING_NO_ROOT.has(command.name())) giveRootUp();
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
  return program;
}

if (!SERVING.has(process.argv[2] ?? "")) endWithReader();
try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE;
  else process.exitCode = reportError(error, process.argv.includes("--json"));
}
// A handle that is still open (a keep-alive socket, a timer) must not hold the terminal.
if (process.exitCode !== undefined) {
  if (SERVING.has(process.argv[2] ?? "")) endProcess(Number(process.exitCode));
  process.exit();
}
