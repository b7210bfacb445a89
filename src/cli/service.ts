/** `oximy service`: runs `oximy local` as a service of systemd or launchd. */

import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { OximyError } from "../errors.js";
import { LAUNCHD_LABEL, LAUNCHD_LOG, launchdPlist, PLIST_FILE } from "../service/launchd-plist.js";
import { SERVICE_MARK, SERVICE_NAME, type Service, whyUnfit } from "../service/service.js";
import { systemdUnit, UNIT_FILE } from "../service/systemd-unit.js";
import { print, printText } from "../terminal.js";
import { findInvokingUser } from "../user/invoking-user.js";
import { whyUnsafe } from "../user/safe-folder.js";

const MAIN = fileURLToPath(new URL("./main.js", import.meta.url));
/** The invoking user's file locations; everything else is read from config.json at each start. */
const KEPT_VARIABLES = ["OXIMY_HOME", "OXIMY_STATE_DIR"];

interface System {
  readonly file: string;
  readonly text: (service: Service) => string;
  readonly start: ReadonlyArray<readonly string[]>;
  readonly stop: ReadonlyArray<readonly string[]>;
  readonly status: readonly string[];
  readonly logs: readonly string[];
}

const SYSTEMD: System = {
  file: UNIT_FILE,
  text: systemdUnit,
  start: [
    ["systemctl", "daemon-reload"],
    ["systemctl", "enable", "--now", `${SERVICE_NAME}.service`],
  ],
  stop: [["systemctl", "disable", "--now", `${SERVICE_NAME}.service`]],
  status: ["systemctl", "status", "--no-pager", `${SERVICE_NAME}.service`],
  logs: ["journalctl", "--no-pager", "--unit", `${SERVICE_NAME}.service`, "--lines", "200"],
};

const LAUNCHD: System = {
  file: PLIST_FILE,
  text: launchdPlist,
  start: [["launchctl", "bootstrap", "system", PLIST_FILE]],
  stop: [["launchctl", "bootout", `system/${LAUNCHD_LABEL}`]],
  status: ["launchctl", "print", `system/${LAUNCHD_LABEL}`],
  logs: ["tail", "-n", "200", LAUNCHD_LOG],
};

export function addServiceCommand(program: Command): void {
  const service = program
    .command("service")
    .description("capture whenever this machine runs, by systemd or launchd (needs root)");
  service
    .command("install")
    .description("start `oximy local` now and at each start of the machine, for the calling user's home")
    .argument("[flags...]", "flags of oximy local, after --")
    .option("--print", "print the file and change nothing", false)
    .action((flags: string[], { print: only }: { print: boolean }) =>
      install(flags, only ? "print" : "install"),
    );
  service
    .command("uninstall")
    .description("stop and remove it")
    .action(() => uninstall());
  service
    .command("status")
    .description("show whether it is running")
    .action(() => show(system().status));
  service
    .command("logs")
    .description("show its latest log lines")
    .action(() => show(system().logs));
}

function install(flags: readonly string[], how: "print" | "install"): void {
  const { file, text, start } = system();
  const invokingUser = findInvokingUser();
  const service: Service = {
    node: realpathSync(process.execPath),
    main: realpathSync(MAIN),
    // Events go to files, log messages to the journal.
    args: ["--json", ...flags],
    invokingUser,
    variables: Object.fromEntries(
      KEPT_VARIABLES.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
    ),
  };
  const unfit = whyUnfit(service);
  if (unfit !== undefined) {
    throw new OximyError("OXIMY_E_USAGE", `The service cannot use this option: ${unfit}.`, "Leave it out.");
  }
  if (how === "print") {
    printText(text(service).trimEnd());
    return;
  }
  requireRoot("install");
  requireOwn(file);
  for (const program of [service.node, service.main]) {
    const why = whyUnsafe(program, 0);
    // The service runs it as root, so nobody else may be able to replace it.
    if (why !== undefined) {
      throw new OximyError(
        "OXIMY_E_FILE",
        `${program} cannot be run as root at each boot: ${why}`,
        "Install Node and Oximy where only root can write, such as /usr/local: npm pack && sudo npm install -g ./oximy-*.tgz",
      );
    }
  }
  requireManager();
  writeFileSync(file, text(service), { mode: 0o644 });
  chmodSync(file, 0o644); // whatever the umask
  for (const command of start) run(command);
  print(`installed  ${file}`);
}

function uninstall(): void {
  requireRoot("uninstall");
  if (removeService() === "absent") print("The service is not installed.");
}

/** Needs root. Stops the service first. Throws OximyError. */
export function removeService(): "removed" | "absent" {
  const { file, stop } = system();
  if (!existsSync(file)) return "absent";
  requireOwn(file);
  const runs = managerRuns();
  if (runs) for (const command of stop) run(command);
  rmSync(file);
  if (runs && file === UNIT_FILE) run(["systemctl", "daemon-reload"]);
  print(`removed    ${file}`);
  return "removed";
}

function show([command, ...args]: readonly string[]): void {
  const { status, error } = spawnSync(command!, args, { stdio: "inherit" });
  if (error) throw toolMissing(command!, error);
  process.exitCode = status === 0 ? 0 : 1;
}

function system(): System {
  if (process.platform === "darwin") return LAUNCHD;
  if (process.platform === "linux") return SYSTEMD;
  throw new OximyError(
    "OXIMY_E_PLATFORM",
    `There are no services on ${process.platform}.`,
    "Use: oximy local",
  );
}

/** sd_booted(3). Containers and WSL often have none. */
const managerRuns = () => process.platform !== "linux" || existsSync("/run/systemd/system");

function requireManager(): void {
  if (managerRuns()) return;
  throw new OximyError("OXIMY_E_TOOL_MISSING", "systemd does not run this machine.", "Use: sudo oximy local");
}

function requireRoot(verb: string): void {
  if (process.getuid?.() === 0) return;
  throw new OximyError("OXIMY_E_PRIVILEGE", "Services need root.", `Run: sudo oximy service ${verb}`);
}

function requireOwn(file: string): void {
  if (!existsSync(file) || readFileSync(file, "utf8").includes(SERVICE_MARK)) return;
  throw new OximyError("OXIMY_E_FILE", `${file} was not created by Oximy.`, "Inspect it, and move it away.");
}

function run([command, ...args]: readonly string[]): void {
  const done: SpawnSyncReturns<string> = spawnSync(command!, args, { encoding: "utf8" });
  if (done.error) throw toolMissing(command!, done.error);
  if (done.status === 0) return;
  const reason = done.stderr.trim().split("\n").at(-1);
  throw new OximyError(
    "OXIMY_E_FILE",
    `${[command, ...args].join(" ")} failed: ${reason}`,
    "Run: oximy service logs",
  );
}

const toolMissing = (command: string, cause: Error) =>
  new OximyError(
    "OXIMY_E_TOOL_MISSING",
    `${command} cannot be started: ${cause.message}`,
    "Use: sudo oximy local",
    {
      cause,
    },
  );
