/** `oximy local`: capture this machine. */

import { readdirSync } from "node:fs";
import { setPriority } from "node:os";
import type { Command } from "commander";
import { createAttributor } from "../attribution/attributor.js";
import {
  machineCaDirectory,
  machineCertificate,
  machineCertificatePath,
  openMachineCa,
} from "../certificates/machine-ca.js";
import { AppSelection } from "../engine/app-selection.js";
import { ECH_PUBLIC_NAMES } from "../engine/ech-names.js";
import { Identifier } from "../engine/identify.js";
import { programSource } from "../engine/program-source.js";
import { OximyError } from "../errors.js";
import { createLog, type Log } from "../log.js";
import { loadNative, type NativeAddon } from "../native/native.js";
import { splitHostPort } from "../oisp/host-name.js";
import { mcpPorts } from "../oisp/mcp-hosts.js";
import { serviceNotifier } from "../service/notify.js";
import {
  type ContainerNetworks,
  openContainerNetworks,
  withNetworks,
} from "../supervisor/containers/networks.js";
import { StatesFile } from "../supervisor/containers/states-file.js";
import { warnOfOwnerRules } from "../supervisor/owner-rules.js";
import { refuseSecondRun } from "../supervisor/redirect.js";
import { SecretAgent, whyNothingIsRead } from "../supervisor/secret-agent.js";
import { Signing } from "../supervisor/signing.js";
import { Supervisor } from "../supervisor/supervisor.js";
import { ownCertificateIfMade } from "../trust/our-certificate.js";
import { SessionEnvironment } from "../trust/session-environment.js";
import { findInvokingUser, type InvokingUser } from "../user/invoking-user.js";
import { requireOpenTo } from "../user/open-to-invoking-user.js";
import type { CaptureSettings } from "../user/settings.js";
import { OXIMY_GID, oximyHome } from "../user/settings.js";
import { stateFolder } from "../user/state-folder.js";
import { CONSTRAIN_CA, scopeOfBundle } from "./ca-trust.js";
import { addCaptureOptions, captureSettings, ports } from "./capture-options.js";
import { firstMinute } from "./first-minute.js";

interface LocalFlags {
  readonly ports: number[];
  readonly localModels: boolean;
  readonly allowQuic: boolean;
  readonly containers: boolean;
  readonly redirect: "auto" | "nft" | "iptables";
  /** Absent when neither --install-ca nor --no-install-ca was given. */
  readonly installCa?: boolean;
  readonly constrainCa: boolean;
}

/** The bundle, which lists the ports of local models, is loaded later, in another process. */
const EVERY_PORT: readonly number[] = [];

/** Exit code after SIGINT (128 + 2). */
const INTERRUPTED = 130;
/** As nice(1) counts. On two busy cores, with 50 clients at once, p99 of a lookup fell from 807 to 93 ms. */
const LOOKUP_PRIORITY = -10;

export function addLocalCommand(program: Command): void {
  const command = program
    .command("local")
    .description("capture the AI calls of this machine, whichever app makes them (needs root)")
    .option("--ports <list>", "TCP ports to capture", ports as (value: string) => number[], [443, 80])
    .option("--local-models", "also the ports of local models (Ollama, LM Studio, …)", false)
    .option("--allow-quic", "leave UDP 443 alone: browsers then use QUIC, which is not captured", false)
    .option("--no-containers", "do not capture this machine's containers (Linux)")
    .option("--redirect <backend>", "nft, iptables or auto", "auto")
    .option("--install-ca", "install the certificate first, as `oximy ca install` does, without asking")
    .option("--no-install-ca", "never offer to install it")
    .option("--constrain-ca", CONSTRAIN_CA, false);
  addCaptureOptions(command).action(async () => {
    process.exitCode = await local(command);
  });
}

async function local(command: Command): Promise<number> {
  if (process.platform !== "linux" && process.platform !== "darwin") {
    throw new OximyError(
      "OXIMY_E_PLATFORM",
      `Oximy cannot redirect on ${process.platform}.`,
      "Use: oximy proxy",
    );
  }
  if (process.getuid?.() !== 0) {
    throw new OximyError(
      "OXIMY_E_PRIVILEGE",
      "Redirecting this machine's connections and identifying their owners needs root.",
      "Run: sudo oximy local   (without root: oximy run -- COMMAND, or oximy proxy)",
    );
  }
  await refuseSecondRun();
  const given = command.opts<LocalFlags>();
  const invokingUser = findInvokingUser();
  const { settings, output } = captureSettings(command, oximyHome(process.env, invokingUser.home));
  const flags = { ...given, ports: [...new Set([...given.ports, ...mcpPorts(settings.mcpHost ?? [])])] };
  const log = createLog({
    json: output.json,
    level: output.verbose ? "debug" : output.quiet ? "warn" : "info",
  });
  const native = loadNative();
  requireOpenTo(invokingUser);
  const whyNot = settings.read ? whyNothingIsRead(native) : "--no-read was given";
  // Before it is announced, or the user is asked to trust it.
  if (settings.intercept && (settings.trust === "always" || flags.constrainCa))
    openMachineCa(flags.constrainCa ? scopeOfBundle() : undefined);
  refreshSessionFiles(settings.home, invokingUser, log);
  await firstMinute({
    settings,
    invokingUser,
    whyNotRead: whyNot,
    installCa: flags.installCa === undefined ? "ask" : flags.installCa ? "yes" : "no",
    audience: output.quiet ? "quiet" : !output.json && isAtTerminal() ? "terminal" : "log",
    log,
  });
  warnOfOwnerRules(log);
  const selected = new AppSelection(settings, native);
  const networks = containerNetworks(flags, log);
  const supervisor = new Supervisor({
    settings,
    invokingUser,
    identifier: new Identifier(
      createAttributor(networks ? withNetworks(native, networks) : native),
      programSource(native, machineCertificatePath(), undefined, ROOT),
    ),
    ...(whyNot === null
      ? {
          openSecrets: (fd: number) =>
            new SecretAgent(fd, {
              native,
              log,
              selectsUser: (uid) => selected.selectsUser(uid),
              folder: stateFolder(),
            }),
        }
      : {}),
    certificatePath: machineCertificatePath(),
    ...(settings.intercept ? { signing: signingOf(settings, selected, log) } : {}),
    prepareLookups: () =>
      prepareLookups(
        native,
        flags.localModels ? EVERY_PORT : flags.ports,
        // With all ports, every connection of containers would be recorded, although it is not redirected.
        networks && !flags.localModels ? "all_networks" : "own_network",
        log,
      ),
    ...(networks && {
      containers: {
        networks,
        startTimeOf: (pid: number) => native.processInfo(pid)?.startTime,
        takeConnects: () => native.takeForeignConnects(),
        file: new StatesFile(stateFolder(), ownProcess(native)),
      },
    }),
    ports: flags.ports,
    localModels: flags.localModels,
    allowQuic: flags.allowQuic,
    backend: flags.redirect,
    json: output.json,
    showContent: output.showContent,
    verbose: output.verbose,
    quiet: output.quiet,
    log,
  });
  const notifier = serviceNotifier();
  let stoppedBy: NodeJS.Signals | undefined;
  const stop = (signal: NodeJS.Signals) => {
    stoppedBy ??= signal;
    void supervisor.stop();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  try {
    await supervisor.start();
  } catch (error) {
    // Stopped before it was up: the error is a consequence of stopping.
    if (stoppedBy) return exitCodeOf(stoppedBy);
    throw error;
  }
  log.info(`Capturing AI traffic of this machine. Events: ${settings.outputDir} — Ctrl-C ends it.`);
  notifier.ready();
  const end = await supervisor.ended;
  notifier.close();
  if (end.kind === "failed") throw end.error;
  return exitCodeOf(stoppedBy);
}

/** Owner of the machine's certificate file. */
const ROOT = { uid: 0, gid: 0 } as const;

/** Certificates are signed for what the bundle can read, and for what flags select. */
function signingOf(
  { supplement, allHosts, mcpHost = [] }: CaptureSettings,
  selected: AppSelection,
  log: Log,
): Signing {
  return new Signing({
    directory: machineCaDirectory(),
    supplement: supplement ? "over" : "none",
    allHosts,
    names: [...(selected.namesApps ? ECH_PUBLIC_NAMES : []), ...mcpHost.map(nameOf)],
    log,
  });
}

const nameOf = (entry: string) => splitHostPort(entry)?.host ?? entry;

function containerNetworks(flags: LocalFlags, log: Log): ContainerNetworks | undefined {
  if (!flags.containers) return undefined;
  const networks = openContainerNetworks(flags.ports, flags.allowQuic);
  if (typeof networks !== "string") return networks;
  log.debug(`containers: not captured: ${networks}`);
  return undefined;
}

const ownProcess = ({ processInfo }: NativeAddon) => ({
  pid: process.pid,
  startTime: processInfo(process.pid)?.startTime ?? 0,
});

const isAtTerminal = () => process.stdin.isTTY === true && process.stderr.isTTY === true;

/** The variables of sessions name files that follow the system's roots. A failure to write them is not fatal. */
function refreshSessionFiles(home: string, invokingUser: InvokingUser, log: Log): void {
  const session = new SessionEnvironment({ home, invokingUser });
  try {
    session.dropEnded();
    session.refresh(machineCertificate() ?? ownCertificateIfMade(home, invokingUser)?.pem);
  } catch (error) {
    log.warn(`The files that session variables name could not be updated: ${(error as Error).message}`);
  }
}

const exitCodeOf = (signal: NodeJS.Signals | undefined) => (signal === "SIGINT" ? INTERRUPTED : 0);

/** On Linux each thread has its own priority (setpriority(2)), and those that search /proc are already running. */
function threads(): number[] {
  return process.platform === "linux" ? readdirSync("/proc/self/task").map(Number) : [process.pid];
}

/**
 * Traffic waits for each lookup, so this process gets a higher priority; the proxy, already started, does not. From
 * here on every redirected connection has its record; OXIMY_NO_BPF=1 turns that off, for diagnosis.
 */
function prepareLookups(
  native: NativeAddon,
  ports: readonly number[],
  scope: "own_network" | "all_networks",
  log: Log,
): void {
  try {
    for (const thread of threads()) setPriority(thread, LOOKUP_PRIORITY);
  } catch (error) {
    // Root in a container may lack the permission; lookups are then slower on a busy machine.
    log.debug(`attribution: priority not raised (${(error as Error).message})`);
  }
  const why =
    process.env.OXIMY_NO_BPF === "1"
      ? "OXIMY_NO_BPF is set"
      : native.attachConnectRecorder(ports, OXIMY_GID, scope);
  if (why)
    log.debug(
      `attribution: the kernel does not record which process connects (${why}); /proc is searched instead`,
    );
}
