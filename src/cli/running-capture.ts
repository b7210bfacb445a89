/** How the calls of running programs would be captured. No probe is placed and nothing is decrypted. */

import { setTimeout as sleep } from "node:timers/promises";
import { machineCertificate, machineCertificatePath } from "../certificates/machine-ca.js";
import type { AppMatch, ProcessIdentity } from "../connection/client.js";
import { REASONS } from "../connection/reasons.js";
import type { ProgramSource } from "../engine/identify.js";
import { programSource } from "../engine/program-source.js";
import type { NativeAddon } from "../native/native.js";
import type { ClientProgram } from "../proxy/verdict/client.js";
import type { Client, SitesState } from "../proxy/verdict/decide.js";
import { type Forecast, type ForecastPolicy, forecast } from "../proxy/verdict/forecast.js";
import { LearnedFacts } from "../proxy/verdict/learned-facts.js";
import { TrustBook } from "../proxy/verdict/trust-book.js";
import { StackFinder, type Stacks } from "../secrets/stack-finder.js";
import { nameOfStack } from "../secrets/stack-name.js";
import { whyNothingIsRead } from "../supervisor/secret-agent.js";
import { pinningApp } from "../trust/pinning.js";
import { processFiles } from "../trust/process-files.js";
import { type CaptureSettings, pinsFile } from "../user/settings.js";

/** How a program is captured, for text and JSON output. */
export interface Capture {
  readonly how: "read" | "intercept" | "tried_once" | "seen_only" | "unknown";
  /** A phrase without a full stop. */
  readonly why: string;
  /** What to do so that it is captured. */
  readonly advice?: string;
}

/** Where the program's secrets can be copied. `not_checked`: only root can determine it. */
export type Sites =
  | { readonly kind: "known"; readonly stacks: readonly string[] }
  | { readonly kind: "none" | "off"; readonly reason: string }
  | { readonly kind: "searching" }
  | { readonly kind: "not_checked" };

/** Describes a forecast. */
export function captureOf(sites: Sites, expected: Forecast, program: ClientProgram | undefined): Capture {
  if (sites.kind === "known") return { how: "read", why: `the secrets of ${sites.stacks.join(" and ")}` };
  if (sites.kind === "searching") return { how: "unknown", why: "its files are still being searched" };
  const unread = sites.kind === "none" ? `not read: ${sites.reason}; ` : "";
  const without = withoutReading(expected, program);
  if (sites.kind !== "not_checked") return { ...without, why: unread + without.why };
  const { how, why } = without;
  const otherwise = how === "seen_only" ? "only seen" : how === "intercept" ? "intercepted" : "tried once";
  const perhaps = `read if its TLS stack is known, which only root can check; else ${otherwise}: ${why}`;
  return { how: "unknown", why: perhaps, advice: "run: sudo oximy apps" };
}

function withoutReading(expected: Forecast, program: ClientProgram | undefined): Capture {
  const evidence = program?.trust.evidence ?? "the program could not be identified";
  switch (expected.kind) {
    case "read":
      return { how: "read", why: evidence };
    case "intercept":
      return { how: expected.trial ? "tried_once" : "intercept", why: evidence };
    case "seen_only": {
      const reason = REASONS[expected.reason].replace(/\.$/, "");
      const isOfTrust = program !== undefined && expected.reason !== "interception_off";
      const why = expected.reason === "runtime_does_not_trust" ? evidence : `${reason} (${evidence})`;
      return isOfTrust
        ? { how: "seen_only", why, advice: program.advice }
        : { how: "seen_only", why: reason };
    }
  }
}

export interface RunningCaptureOptions {
  readonly native: NativeAddon;
  readonly settings: CaptureSettings;
  /** Replaced in tests. */
  readonly programs?: ProgramSource;
  readonly finder?: Pick<StackFinder, "sitesOf" | "close">;
  readonly isRoot?: boolean;
}

/** Time limit for all searches; later programs are reported as still being searched. */
const SEARCH_MS = 10_000;
const OFF = "--no-read";
/** No connection waits for this, so files get more time than on a connection's path. */
const PATIENCE = 200;

export class RunningCapture {
  private readonly programs: ProgramSource;
  private readonly finder: Pick<StackFinder, "sitesOf" | "close"> | undefined;
  private readonly whyNotRead: string | null;
  private readonly trust: TrustBook;
  private readonly policy: ForecastPolicy;
  private readonly deadline = sleep(SEARCH_MS, undefined, { ref: false });

  constructor({
    native,
    settings,
    programs,
    finder,
    isRoot = process.getuid?.() === 0,
  }: RunningCaptureOptions) {
    const { home, intercept, trust } = settings;
    this.programs =
      programs ??
      programSource(native, machineCertificatePath(), processFiles(undefined, PATIENCE), ownUser());
    const mayAsk = isRoot || native.implementation !== "linux";
    this.whyNotRead = settings.read ? (mayAsk ? whyNothingIsRead(native) : null) : OFF;
    this.finder = isRoot && this.whyNotRead === null ? (finder ?? new StackFinder()) : undefined;
    this.trust = new TrustBook({ facts: new LearnedFacts(pinsFile(home)), onRefused: () => {} });
    const isMade = machineCertificate() !== undefined;
    const trusted = trust === "always" ? "always" : isMade ? "predicted" : "no_certificate";
    this.policy = {
      interception: intercept ? trusted : "none",
      pins: ({ app }) => pinningApp(app?.id) !== undefined,
    };
  }

  async of(process: ProcessIdentity, app: AppMatch): Promise<Capture> {
    const [program, sites] = await Promise.all([this.programs.read(process), this.sitesOf(process)]);
    const client: Client = {
      owner: { kind: "process", process, ancestors: [] },
      app,
      ...(program && { program }),
      sites: stateOf(sites),
      standing: this.trust.standing(program),
    };
    return captureOf(sites, forecast(client, this.policy), program);
  }

  close(): void {
    this.finder?.close();
  }

  private async sitesOf({ pid, startTime }: ProcessIdentity): Promise<Sites> {
    if (this.whyNotRead !== null) return { kind: "off", reason: this.whyNotRead };
    if (this.finder === undefined) return { kind: "not_checked" };
    if (startTime === undefined) return { kind: "none", reason: "the process has ended" };
    let found: Stacks | undefined = this.finder.sitesOf(pid, startTime);
    while (found?.kind === "searching") found = await Promise.race([found.done, this.deadline]);
    if (found === undefined) return { kind: "searching" };
    if (found.kind === "none") return found;
    return {
      kind: "known",
      stacks: [...new Set(found.files.map(({ key, sites }) => nameOfStack(key, sites)))],
    };
  }
}

/** Every user may read the machine's certificate. */
const ownUser = () => ({ uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 });

function stateOf({ kind }: Sites): SitesState {
  return kind === "not_checked" ? "off" : kind;
}
