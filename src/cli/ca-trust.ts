/** `oximy ca install|uninstall|status`: our certificate in the trust stores. */

import { join } from "node:path";
import type { Command } from "commander";
import type { Scope } from "../certificates/ca.js";
import { OximyError } from "../errors.js";
import { embeddedDocument } from "../oisp/embedded.js";
import { readBundleText } from "../oisp/parse.js";
import { readableDomains } from "../oisp/readable-domains.js";
import { print, printableJson, printError, printJson, printText } from "../terminal.js";
import { findStores } from "../trust/find-stores.js";
import {
  machinesCertificate,
  machinesCertificateIfMade,
  ownCertificate,
  ownCertificateIfMade,
} from "../trust/our-certificate.js";
import { SessionEnvironment, type SessionState } from "../trust/session-environment.js";
import { SESSION_FOLDER } from "../trust/session-files.js";
import {
  installInto,
  type Outcome,
  type StoreOutcome,
  type StoreStatus,
  storeStatus,
  uninstallFrom,
} from "../trust/trust.js";
import type { TrustStore } from "../trust/trust-store.js";
import { findInvokingUser, type InvokingUser } from "../user/invoking-user.js";
import { oximyHome } from "../user/settings.js";

const NAMES: Record<TrustStore["id"], string> = {
  debian: "system",
  fedora: "system",
  arch: "system",
  opensuse: "system",
  macos: "system",
  chromium: "Chromium",
  firefox: "Firefox",
  java: "Java",
};

/** The changes made to stores and sessions. */
export interface TrustChange {
  readonly stores: readonly StoreOutcome[];
  /** Absent unless requested. */
  readonly environment?: Outcome;
  /** The file that sets the variables of sessions. */
  readonly environmentFile: string;
}

export function addTrustCommands(ca: Command): void {
  const install = withJson(ca.command("install"))
    .description(
      "as root: make this machine's programs and the calling user's browsers trust the machine's certificate; " +
        "otherwise: make your browsers trust your own",
    )
    .option(
      "--environment",
      "also set variables, for runtimes with roots of their own (Node, Python, …)",
      false,
    )
    .option("--constrain-ca", CONSTRAIN_CA, false)
    .action(async () => {
      const { environment, constrainCa } = install.opts<{ environment: boolean; constrainCa: boolean }>();
      const scope = constrainCa ? scopeOfBundle() : undefined;
      const change = await installEverywhere(environment ? "with_environment" : "stores", scope);
      printOutcomes(change, "trusted", printerOf(install));
      if (!isJson(install)) for (const line of afterInstall(change)) print(line);
      refuseFailures(change, "install");
      const skipped = change.stores.find(({ outcome }) => outcome.kind === "skipped");
      if (skipped !== undefined) throw storeError("OXIMY_E_TOOL_MISSING", skipped);
      if (change.stores.length === 0) throw noStore();
    });
  const uninstall = withJson(ca.command("uninstall"))
    .description("remove it from all trust stores, and remove the variables")
    .action(async () => {
      const change = await uninstallEverywhere();
      printOutcomes(change, "removed", printerOf(uninstall));
      if (!isJson(uninstall)) for (const line of afterUninstall(change)) print(line);
      refuseFailures(change, "uninstall");
    });
  const status = withJson(ca.command("status"))
    .description("which trust stores have it")
    .action(async () => {
      const invokingUser = findInvokingUser();
      const home = oximyHome(process.env, invokingUser.home);
      const certificate = machinesCertificateIfMade();
      const own = ownCertificateIfMade(home, invokingUser);
      const found: StoreStatus[] = [];
      for (const store of findStores(invokingUser.home))
        found.push(await storeStatus(store, certificate, invokingUser));
      const session = new SessionEnvironment({ home, invokingUser });
      session.dropEnded();
      const environment = session.status(certificate?.pem);
      if (isJson(status)) {
        const rows = found.map(({ store: { id, location }, state, entries }) => ({
          store: id,
          location,
          state: state.kind,
          ...(state.kind === "unknown" ? { why: state.why, advice: state.advice } : {}),
          entries,
        }));
        const { kind: state, ...why } = environment;
        const variables = { location: session.location, state, ...why };
        const answer = {
          certificate: certificate?.path ?? null,
          own: own?.path ?? null,
          stores: rows,
          environment: variables,
        };
        return printJson(answer, 2);
      }
      const none = "none yet; `sudo oximy ca install` creates it";
      const lines = [
        `machine      ${certificate?.path ?? none}`,
        ...(own === undefined ? [] : [`own          ${own.path} (of oximy proxy and oximy run)`]),
        ...found.flatMap((status) => [
          ...rowOf(status.state.kind.replace("_", " "), status.store, status.state),
          ...othersIn(status, certificate?.name, own?.name).map((line) => `             ${line}`),
        ]),
        lineOf(environment.kind.replaceAll("_", " "), "sessions", session.location),
        ...sessionHints(environment).map((line) => `             ${line}`),
      ];
      for (const line of lines) print(line);
    });
}

/** Our other certificates in a store, besides the machine's. */
function othersIn({ entries }: StoreStatus, machine: string | undefined, own: string | undefined): string[] {
  const others = entries.filter((entry) => machine === undefined || !entry.includes(machine));
  return others.map((entry) =>
    own !== undefined && entry.includes(own)
      ? `also: your own (${entry})`
      : `also: an older one (${entry}). Run: sudo oximy ca install`,
  );
}

export const CONSTRAIN_CA =
  "use a CA that can sign only for the bundle's domains; replaces a CA without constraints";

/** The domains of the bundle included in the program, the only one that root reads. */
export function scopeOfBundle(): Scope {
  return { kind: "below", domains: readableDomains(readBundleText(embeddedDocument()).bundle) };
}

function sessionHints(state: SessionState): string[] {
  switch (state.kind) {
    case "set":
      return [];
    case "out_of_date":
      return ["The system's roots have changed since. Run: oximy ca install --environment"];
    case "not_set":
      return ["Runtimes with roots of their own (Node, Python, Deno, …) need variables:", ENVIRONMENT_ADVICE];
    case "foreign":
      return ["That file was not created by Oximy."];
    case "unknown":
      return [`${state.why}.`];
  }
}

const ENVIRONMENT_ADVICE = 'oximy ca install --environment, or in a shell: eval "$(oximy env)"';

/**
 * As root: installs the machine's certificate into every store and replaces older ones. As a user: installs the user's
 * own into that user's stores. Creates the certificate if there is none. Throws OXIMY_E_CA.
 */
export async function installEverywhere(
  what: "stores" | "with_environment",
  scope?: Scope,
): Promise<TrustChange> {
  const invokingUser = findInvokingUser();
  const home = oximyHome(process.env, invokingUser.home);
  const isRoot = process.getuid?.() === 0;
  const certificate = isRoot ? machinesCertificate(scope) : ownCertificate(home, invokingUser);
  const stores: StoreOutcome[] = [];
  for (const store of findStores(invokingUser.home)) {
    if (!isRoot && store.owner === "root") {
      stores.push(await leftToRoot(store, invokingUser));
      continue;
    }
    if (store.notice !== undefined && process.getuid?.() === 0) {
      const { state } = await storeStatus(store, certificate, invokingUser);
      if (state.kind === "not_trusted") printError(store.notice);
    }
    stores.push(await installInto(store, certificate, invokingUser, isRoot ? "taken_out" : "left"));
  }
  const session = new SessionEnvironment({ home, invokingUser });
  session.dropEnded();
  const environmentFile = session.location;
  // Variables that were set before are updated in any case, to follow the system's roots.
  const isSet = ["set", "out_of_date"].includes(session.status(certificate.pem).kind);
  return what === "with_environment" || isSet
    ? { stores, environment: session.install(certificate.pem), environmentFile }
    : { stores, environmentFile };
}

/** A user's own certificate is never installed machine-wide. */
async function leftToRoot(store: TrustStore, invokingUser: InvokingUser): Promise<StoreOutcome> {
  const { state } = await storeStatus(store, machinesCertificateIfMade(), invokingUser);
  return { store, outcome: { kind: state.kind === "trusted" ? "unchanged" : "needs_root" } };
}

/** Removes our certificates from every store of this machine and of the calling user, and the variables. */
export async function uninstallEverywhere(): Promise<TrustChange> {
  const invokingUser = findInvokingUser();
  const stores: StoreOutcome[] = [];
  for (const store of findStores(invokingUser.home)) stores.push(await uninstallFrom(store, invokingUser));
  const session = new SessionEnvironment({ home: oximyHome(process.env, invokingUser.home), invokingUser });
  session.dropEnded();
  const environment = session.uninstall();
  const environmentFile = session.location;
  return environment.kind === "unchanged"
    ? { stores, environmentFile }
    : { stores, environment, environmentFile };
}

export function afterInstall({ stores, environment }: TrustChange): string[] {
  const isNew = stores.some(({ outcome }) => outcome.kind === "done");
  return [
    ...(isNew ? ["Running programs may need a restart."] : []),
    ...(environment?.kind === "done" ? ["The variables take effect at the next login."] : []),
  ];
}

export function afterUninstall({ environment }: TrustChange): string[] {
  if (environment?.kind !== "done") return [];
  const folder = join(oximyHome(process.env, findInvokingUser().home), SESSION_FOLDER);
  return [
    "Running sessions keep the variables until they end. The files that these name now contain only the system's",
    `roots, and stay in ${folder}: the next \`oximy ca\` or \`oximy local\` after a reboot removes`,
    "them.",
  ];
}

/** Where a command's result is printed, and in which format. */
export interface Printer {
  readonly kind: "text" | "json";
  readonly print: (line: string) => void;
}

export function printOutcomes(change: TrustChange, done: string, { kind, print }: Printer): void {
  const { stores, environment, environmentFile } = change;
  if (kind === "json") {
    const rows = stores.map(({ store: { id, location }, outcome }) => ({ store: id, location, outcome }));
    const variables = { store: "environment", location: environmentFile };
    const all = environment === undefined ? rows : [...rows, { ...variables, outcome: environment }];
    const flat = all.map(({ outcome: { kind, ...why }, ...row }) => ({ ...row, outcome: kind, ...why }));
    print(printableJson(flat, 2));
    return;
  }
  for (const { store, outcome } of stores) {
    for (const line of rowOf(nameOf(outcome, done), store, outcome)) print(line);
  }
  if (environment === undefined) return;
  print(lineOf(nameOf(environment, done === "trusted" ? "set" : done), "sessions", environmentFile));
  for (const line of detailOf(environment)) print(line);
}

const nameOf = ({ kind }: Outcome, done: string) => (kind === "done" ? done : kind.replace("_", " "));

const rowOf = (what: string, store: TrustStore, detail: StoreStatus["state"] | Outcome): string[] => [
  lineOf(what, NAMES[store.id], store.location),
  ...detailOf(detail),
];

const lineOf = (what: string, name: string, location: string): string =>
  `${what.padEnd(11)}  ${name.padEnd(8)}  ${location}`;

const detailOf = (detail: StoreStatus["state"] | Outcome): string[] =>
  "why" in detail ? [`             ${detail.why}. ${detail.advice}`] : [];

/** Throws if a requested change failed. */
export function refuseFailures(change: TrustChange, verb: "install" | "uninstall"): void {
  const { stores, environment, environmentFile } = change;
  const failed = stores.find(({ outcome }) => outcome.kind === "failed");
  if (failed !== undefined) throw storeError("OXIMY_E_TRUST", failed);
  if (environment?.kind === "failed" || environment?.kind === "skipped") {
    const message = `The variables of sessions (${environmentFile}) could not be changed: ${environment.why}.`;
    throw new OximyError("OXIMY_E_TRUST", message, environment.advice);
  }
  if (stores.some(({ outcome }) => outcome.kind === "needs_root")) {
    throw new OximyError(
      "OXIMY_E_PRIVILEGE",
      "Changing what the whole machine trusts needs root.",
      `Run: sudo oximy ca ${verb}`,
    );
  }
}

function storeError(
  code: "OXIMY_E_TRUST" | "OXIMY_E_TOOL_MISSING",
  { store, outcome }: StoreOutcome,
): OximyError {
  const { why, advice } = outcome as Extract<Outcome, { why: string }>;
  return new OximyError(code, `The trust store ${store.location} could not be changed: ${why}.`, advice);
}

function noStore(): OximyError {
  return new OximyError(
    "OXIMY_E_TOOL_MISSING",
    "This machine has no trust store that Oximy supports.",
    'Install ca-certificates, or set the certificate in variables: eval "$(oximy env)"',
  );
}

const withJson = (command: Command): Command => command.option("--json", "print JSON", false);
const printerOf = (command: Command): Printer => ({
  kind: isJson(command) ? "json" : "text",
  print: (line) => printText(line),
});
const isJson = (command: Command): boolean => command.opts<{ json: boolean }>().json;
