/**
 * Predicts what a capture will get, before it begins: by runtime, for programs that start now, from the prediction for
 * each. Pure; the table is text.
 */

import type { Holding, ProgramFacts, StoreFacts } from "./predict.js";
import { predict } from "./predict.js";
import type { Runtime } from "./runtime.js";
import { FILE_VARIABLES, trustOptions } from "./trust-variables.js";

export interface OutlookFacts {
  readonly reading: { readonly kind: "on" } | { readonly kind: "off"; readonly why: string };
  readonly interception: "predicted" | "always" | "none";
  readonly certificate: "made" | "none";
  /** As a program of the calling user sees them. */
  readonly stores: StoreFacts;
  /** The contents of the files named by the variables of the user's sessions, where they are set. */
  readonly variables: ProgramFacts["named"];
}

/** What happens to the calls of a runtime's programs that are not read. */
export type Fate = "intercepted" | "tried_once" | "seen_only";

export interface Outlook {
  readonly facts: OutlookFacts;
  /** For runtimes that are not read. */
  readonly fates: ReadonlyMap<Runtime, Fate>;
  /** Those that would be intercepted after `oximy ca install`, but are not now. */
  readonly byInstall: readonly Runtime[];
  /** Those that `--environment` would add to these. */
  readonly byEnvironment: readonly Runtime[];
}

/** Their common names, in order of interest. */
const NAMES = {
  node: "Node",
  bun: "Bun (Claude Code)",
  python: "Python",
  go: "Go",
  codex: "Codex",
  deno: "Deno",
  curl: "curl",
  git: "git",
  chromium: "Chrome and its relatives",
  electron: "Electron apps (Cursor, VS Code)",
  firefox: "Firefox",
  java: "Java",
  unknown: "programs with an unknown TLS stack",
} as const satisfies { readonly [runtime in Runtime]?: string };

type Shown = keyof typeof NAMES;
/** Java's TLS is bytecode: there is no file offset where a probe could be placed. */
const NEVER_READ: readonly Shown[] = ["java", "unknown"];
const NAMED = (Object.keys(NAMES) as Shown[]).filter((runtime) => runtime !== "unknown");
/** Those whose secrets can be read. */
export const READ = NAMED.filter((runtime) => !NEVER_READ.includes(runtime));

const OURS: Holding = { kind: "ours", since: Number.NEGATIVE_INFINITY };
const EVERY_STORE: StoreFacts = { bundle: OURS, folder: OURS, java: OURS, chromium: OURS, firefox: OURS };
const EVERY_VARIABLE = Object.fromEntries(FILE_VARIABLES.map((name) => [name, OURS]));

/** Its common name. */
export const nameOf = (runtime: Runtime): string =>
  (NAMES as { [name in Runtime]?: string })[runtime] ?? runtime;

export function outlookOf(facts: OutlookFacts): Outlook {
  const shown = facts.reading.kind === "on" ? NEVER_READ : NAMED;
  const fates = new Map<Runtime, Fate>(shown.map((runtime) => [runtime, fateOf(runtime, facts)]));
  const missing = (runtimes: readonly Shown[]) =>
    facts.interception === "none" ? [] : runtimes.filter((runtime) => fates.get(runtime) !== "intercepted");
  const installed: OutlookFacts = { ...facts, certificate: "made", stores: EVERY_STORE };
  const withVariables: OutlookFacts = { ...installed, variables: EVERY_VARIABLE };
  const byInstall = missing(shown).filter((runtime) => fateOf(runtime, installed) === "intercepted");
  const byEnvironment = missing(shown).filter(
    (runtime) => !byInstall.includes(runtime) && fateOf(runtime, withVariables) === "intercepted",
  );
  return { facts, fates, byInstall, byEnvironment };
}

/** Nothing is read and no program trusts the certificate: only metadata would be captured. */
export function capturesNobody({ facts, fates }: Outlook): boolean {
  return facts.reading.kind === "off" && [...fates.values()].every((fate) => fate === "seen_only");
}

function fateOf(runtime: Runtime, { interception, certificate, stores, variables }: OutlookFacts): Fate {
  if (interception === "always") return "intercepted";
  if (interception === "none" || certificate === "none") return "seen_only";
  const { kind } = predict(
    {
      runtime,
      startedAt: Number.POSITIVE_INFINITY, // later than any change
      environmentIsKnown: true,
      options: trustOptions(runtime, [], {}),
      named: variables,
    },
    stores,
  );
  return kind === "trusts" ? "intercepted" : kind === "unknown" ? "tried_once" : "seen_only";
}
