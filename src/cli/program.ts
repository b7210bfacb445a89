/** The command line with all commands. */

import { Command } from "commander";
import { giveRootUp } from "../user/invoking-user.js";
import { VERSION } from "../version.js";
import { flagsOverruled } from "./capture-options.js";
import { addExamples } from "./examples.js";
import { reportWarning } from "./report.js";

/** Commands that only use the invoking user's files. */
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

/** In the order of the help. Loaded on demand: loading all of them takes half a second of CPU time. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  local: async () => (await import("./local.js")).addLocalCommand,
  proxy: async () => (await import("./proxy.js")).addProxyCommand,
  run: async () => (await import("./run.js")).addRunCommand,
  mcp: async () => (await import("./mcp.js")).addMcpCommand,
  apps: async () => (await import("./apps.js")).addAppsCommand,
  bundle: async () => (await import("./bundle.js")).addBundleCommand,
  events: async () => (await import("./events.js")).addEventsCommand,
  stats: async () => (await import("./stats.js")).addStatsCommand,
  sessions: async () => (await import("./sessions.js")).addSessionsCommand,
  show: async () => (await import("./show.js")).addShowCommand,
  diff: async () => (await import("./diff.js")).addDiffCommand,
  export: async () => (await import("./export.js")).addExportCommand,
  "mcp-server": async () => (await import("./mcp-server.js")).addMcpServerCommand,
  ui: async () => (await import("./ui.js")).addUiCommand,
  pins: async () => (await import("./pins.js")).addPinsCommand,
  demo: async () => (await import("./demo.js")).addDemoCommand,
  ca: async () => (await import("./ca.js")).addCaCommand,
  env: async () => (await import("./ca.js")).addEnvCommand,
  doctor: async () => (await import("./doctor.js")).addDoctorCommand,
  service: async () => (await import("./service.js")).addServiceCommand,
  cleanup: async () => (await import("./cleanup.js")).addCleanupCommand,
  config: async () => (await import("./config.js")).addConfigCommand,
  completion: async () => (await import("./completion.js")).addCompletionCommand,
  man: async () => (await import("./completion.js")).addManCommand,
  uninstall: async () => (await import("./uninstall.js")).addUninstallCommand,
};

/** Commands whose output covers all commands. */
const ABOUT_ALL = new Set(["completion", "man"]);

/**
 * @param called the first argument: if it names a command, only that one is loaded; the version needs none, while the
 *     help and misspelt names need all, as with `undefined`.
 */
export async function createProgram(called?: string): Promise<Command> {
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
  for (const add of await Promise.all(neededBy(called).map((load) => load()))) add(program);
  addExamples(program);
  return program;
}

function neededBy(called: string | undefined): readonly (typeof COMMANDS)[string][] {
  if (called === "--version" || called === "-V") return [];
  const load = called !== undefined && Object.hasOwn(COMMANDS, called) ? COMMANDS[called] : undefined;
  return load === undefined || ABOUT_ALL.has(called!) ? Object.values(COMMANDS) : [load];
}
