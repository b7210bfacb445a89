/** Examines this machine and passes the results to the checks. Nothing is changed. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmdirSync } from "node:fs";
import { createServer } from "node:net";
import { release } from "node:os";
import { dirname, join } from "node:path";
import { runningContainers } from "../attribution/container/running-containers.js";
import { readCa } from "../certificates/ca.js";
import { machineCaDirectory, machineCertificatePath } from "../certificates/machine-ca.js";
import { descriptorLimit } from "../engine/descriptor-limit.js";
import { OximyError } from "../errors.js";
import { loadNative, type NativeAddon } from "../native/native.js";
import { readCache } from "../oisp/cache.js";
import { loadBundle } from "../oisp/load.js";
import { LearnedFacts, type LearnedTrust } from "../proxy/verdict/learned-facts.js";
import { statesNow } from "../supervisor/containers/states-file.js";
import { readOwnerRules } from "../supervisor/owner-rules.js";
import { holdArguments, redirectScript, runRedirectScript } from "../supervisor/redirect.js";
import { whyNothingIsRead } from "../supervisor/secret-agent.js";
import { findStores } from "../trust/find-stores.js";
import { machinesCertificateIfMade } from "../trust/our-certificate.js";
import { SessionEnvironment } from "../trust/session-environment.js";
import { toolPath } from "../trust/tool-path.js";
import { type StoreStatus, storeStatus } from "../trust/trust.js";
import { asInvokingUser, type InvokingUser } from "../user/invoking-user.js";
import { whyUnsafe } from "../user/safe-folder.js";
import { type CaptureSettings, caDirectory, ownCertificatePath, pinsFile } from "../user/settings.js";
import { stateFolder } from "../user/state-folder.js";
import {
  bundleFinding,
  environmentFinding,
  learnedFinding,
  outputFinding,
  readingFinding,
  recorderFinding,
  trustFindings,
} from "./capture.js";
import { containerFindings } from "./containers.js";
import { type Finding, missing, ok } from "./finding.js";
import {
  darwinDefaultInterfaces,
  darwinUsesIPv6,
  ipv6Finding,
  linuxDefaultInterfaces,
  type PortState,
  portFinding,
  vpnFinding,
} from "./network.js";
import {
  keptFinding,
  ownerFinding,
  type RedirectTools,
  statusFinding,
  toolFinding,
  trialFinding,
} from "./redirect.js";
import { descriptorFinding, kernelFinding, nodeFinding, rootFinding } from "./system.js";

const PROXY_PORT = 8_088;
const isRoot = () => process.getuid?.() === 0;

export async function examine(settings: CaptureSettings, invokingUser: InvokingUser): Promise<Finding[]> {
  const has = (tool: string) => toolPath(tool) !== undefined;
  const tools: RedirectTools = {
    nft: has("nft"),
    iptables: has("iptables-restore"),
    ip6tables: has("ip6tables-restore"),
    pfctl: has("pfctl"),
  };
  const whyNotRead = whyNothingCanBeRead(settings);
  const reading = whyNotRead === null ? "on" : "off";
  return [
    kernelFinding(process.platform, release()),
    nodeFinding(process.version),
    rootFinding(process.getuid?.()),
    toolFinding(process.platform, tools),
    ...(await redirectFindings(tools)),
    ...nativeFindings(),
    ...(await findingsOfContainers()),
    readingFinding(whyNotRead),
    ...(await certificateFindings(settings.home, invokingUser, reading)),
    learnedFinding(learnedPrograms(settings.home)),
    await bundleOf(settings, invokingUser),
    outputFinding(
      settings.outputDir,
      asInvokingUser(invokingUser, () => whyNotWritable(settings.outputDir)),
    ),
    portFinding(PROXY_PORT, await portState(PROXY_PORT)),
    vpnFinding(defaultInterfaces(), (name) => existsSync(`/sys/class/net/${name}/tun_flags`)),
    ipv6Finding(usesIPv6() ? "used" : "unused", tools),
    descriptorFinding(descriptorLimit()),
  ];
}

async function redirectFindings(tools: RedirectTools): Promise<Finding[]> {
  if (!isRoot()) return [];
  const answer = await runRedirectScript(["status"]);
  const status = statusFinding(answer);
  if (process.platform !== "linux" || !tools.nft) return [status];
  const kept = failureOf("nft", ["list", "table", "inet", "oximy_keep"]) === undefined ? "kept" : "gone";
  const trial = answer.code === 0 ? [] : [trialFinding(nftTrial(), tools)];
  return [status, ...trial, keptFinding(kept), ownerFinding(readOwnerRules())];
}

/** `nft -c` has the kernel check the rules without installing them (nft(8)). Undefined if it would accept them. */
function nftTrial(): string | undefined {
  const options = { listenerPort: 1, ports: [443], localPorts: [], allowQuic: false };
  const args = ["rules", ...holdArguments({ ...options, backend: "nft" }).slice(1)];
  const rules = execFileSync("/bin/sh", [redirectScript(), ...args], { encoding: "utf8" });
  return failureOf("nft", ["-c", "-f", "-"], rules);
}

function failureOf(tool: string, args: readonly string[], input = ""): string | undefined {
  try {
    execFileSync(toolPath(tool) ?? tool, args, {
      input,
      encoding: "utf8",
      stdio: ["pipe", "ignore", "pipe"],
    });
    return undefined;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return (stderr?.trim() || message).split("\n")[0]!;
  }
}

function nativeFindings(): Finding[] {
  try {
    const native = loadNative();
    const found = ok("addon", `native addon for ${native.implementation}`);
    if (!isRoot() || native.implementation !== "linux") return [found];
    const failed = native.attachConnectRecorder([443]);
    native.detachConnectRecorder();
    return [found, recorderFinding(failed)];
  } catch (error) {
    return [failure("addon", error)];
  }
}

async function findingsOfContainers(): Promise<Finding[]> {
  if (process.platform !== "linux") return [];
  let native: NativeAddon;
  try {
    native = loadNative();
  } catch {
    return []; // the addon has a finding of its own
  }
  const startTimeOf = (pid: number) => native.processInfo(pid)?.startTime;
  const running = await runningContainers({ processInfo: native.processInfo });
  return containerFindings(running, statesNow(stateFolder(), startTimeOf));
}

/** Tries it with a BPF program that no process triggers; undefined without root. */
function whyNothingCanBeRead({ read }: CaptureSettings): string | null | undefined {
  if (!read) return "it is turned off";
  try {
    const native = loadNative();
    return native.implementation === "linux" && !isRoot() ? undefined : whyNothingIsRead(native);
  } catch (error) {
    return (error as Error).message.split("\n")[0]!; // the addon has a finding of its own
  }
}

function learnedPrograms(home: string): readonly LearnedTrust[] {
  try {
    return new LearnedFacts(pinsFile(home)).list().programs;
  } catch {
    return []; // another user's file
  }
}

async function certificateFindings(
  home: string,
  invokingUser: InvokingUser,
  reading: "on" | "off",
): Promise<Finding[]> {
  const certificate = machinesCertificateIfMade();
  const findings: Finding[] = [];
  if (existsSync(ownCertificatePath(home))) {
    findings.push(
      authorityFinding("the user's own", () => asInvokingUser(invokingUser, () => readCa(caDirectory(home)))),
    );
  }
  if (existsSync(machineCertificatePath())) {
    const whose = "the machine's";
    // Only root can read its key; others can read the certificate.
    const found = isRoot()
      ? () => readCa(machineCaDirectory())
      : () => ({ certificatePath: machineCertificatePath() });
    findings.push(authorityFinding(whose, found));
  }
  const statuses: StoreStatus[] = [];
  for (const store of findStores(invokingUser.home))
    statuses.push(await storeStatus(store, certificate, invokingUser));
  const session = new SessionEnvironment({ home, invokingUser });
  return [
    ...findings,
    ...trustFindings(statuses, certificate === undefined ? "none" : "made", reading),
    environmentFinding(session.status(certificate?.pem), session.location, reading),
  ];
}

function authorityFinding(whose: string, read: () => { readonly certificatePath: string }): Finding {
  try {
    return ok("certificate", `${whose}: ${read().certificatePath}`);
  } catch (error) {
    return failure("certificate", error);
  }
}

async function bundleOf(
  { home, bundleFile, bundleUrl }: CaptureSettings,
  invokingUser: InvokingUser,
): Promise<Finding> {
  if (bundleFile === undefined) {
    const cached = await asInvokingUser(invokingUser, () => readCache(home, bundleUrl));
    return bundleFinding(bundleUrl, cached, Date.now());
  }
  try {
    const { bundle } = await asInvokingUser(invokingUser, () => loadBundle({ home, file: bundleFile }));
    return ok("bundle", `${bundleFile}, version ${bundle.version}`);
  } catch (error) {
    return failure("bundle", error);
  }
}

function failure(about: string, error: unknown): Finding {
  if (!(error instanceof OximyError)) throw error;
  return missing(about, error.message, error.advice);
}

/** By trying it: mode bits alone do not decide permissions. */
function whyNotWritable(folder: string): string | undefined {
  const unsafe = whyUnsafe(folder);
  if (unsafe !== undefined) return unsafe;
  let there = folder;
  while (!existsSync(there)) there = dirname(there);
  try {
    rmdirSync(mkdtempSync(join(there, ".oximy-doctor-")));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function portState(port: number): Promise<PortState> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve("taken"));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve("free")));
  });
}

function defaultInterfaces(): string[] {
  if (process.platform === "linux") return linuxDefaultInterfaces(readIfThere("/proc/net/route"));
  if (process.platform !== "darwin") return [];
  return darwinDefaultInterfaces(
    execFileSync("/usr/sbin/netstat", ["-rn", "-f", "inet"], { encoding: "utf8" }),
  );
}

function usesIPv6(): boolean {
  if (process.platform !== "darwin") return readIfThere("/proc/net/if_inet6") !== "";
  return darwinUsesIPv6(execFileSync("/usr/sbin/netstat", ["-rn", "-f", "inet6"], { encoding: "utf8" }));
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
