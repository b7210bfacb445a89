/** `oximy ca install|uninstall|status`: which trust stores have our certificate. */

import type { Command } from "commander";
import { OximyError } from "../errors.js";
import { findCaller } from "../local/caller.js";
import { oximyHome } from "../local/settings.js";
import { findStores } from "../trust/find-stores.js";
import { ourCertificate, ourCertificateIfMade } from "../trust/our-certificate.js";
import {
  installInto,
  type Outcome,
  type StoreOutcome,
  type StoreStatus,
  storeStatus,
  uninstallFrom,
} from "../trust/trust.js";
import type { TrustStore } from "../trust/trust-store.js";

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

export function addTrustCommands(ca: Command): void {
  const install = withJson(ca.command("install"))
    .description("make this machine's programs and the calling user's browsers trust it")
    .action(async () => {
      const caller = findCaller();
      const certificate = ourCertificate(oximyHome(process.env, caller.home), caller);
      const outcomes: StoreOutcome[] = [];
      for (const store of findStores(caller.home)) {
        outcomes.push(await installInto(store, certificate, caller));
      }
      printOutcomes(outcomes, "trusted", isJson(install));
      const programs = "Programs that run now may have to be started again.";
      if (!isJson(install) && outcomes.some(({ outcome }) => outcome.kind === "done")) console.log(programs);
      refuseFailures(outcomes, "install");
      const skipped = outcomes.find(({ outcome }) => outcome.kind === "skipped");
      if (skipped !== undefined) throw storeError("OXIMY_E_TOOL_MISSING", skipped);
      if (outcomes.length === 0) throw noStore();
    });
  const uninstall = withJson(ca.command("uninstall"))
    .description("take it out again, from all of them")
    .action(async () => {
      const outcomes = await uninstallEverywhere();
      printOutcomes(outcomes, "removed", isJson(uninstall));
      refuseFailures(outcomes, "uninstall");
    });
  const status = withJson(ca.command("status"))
    .description("who trusts it")
    .action(async () => {
      const caller = findCaller();
      const certificate = ourCertificateIfMade(oximyHome(process.env, caller.home));
      const found: StoreStatus[] = [];
      for (const store of findStores(caller.home)) found.push(await storeStatus(store, certificate, caller));
      if (isJson(status)) {
        const rows = found.map(({ store: { id, location }, state, entries }) => ({
          store: id,
          location,
          state: state.kind,
          ...(state.kind === "unknown" ? { why: state.why, advice: state.advice } : {}),
          entries,
        }));
        return console.log(JSON.stringify({ certificate: certificate?.path ?? null, stores: rows }, null, 2));
      }
      if (certificate === undefined) console.log("There is no certificate yet; `oximy ca install` makes it.");
      for (const { store, state } of found) printRow(state.kind.replace("_", " "), store, state);
      console.log("Runtimes with roots of their own (Node, Python, Deno, …) need variables: oximy env");
    });
}

/** Takes our certificates out of every store of this machine and of the calling user. */
export async function uninstallEverywhere(): Promise<StoreOutcome[]> {
  const caller = findCaller();
  const outcomes: StoreOutcome[] = [];
  for (const store of findStores(caller.home)) outcomes.push(await uninstallFrom(store, caller));
  return outcomes;
}

export function printOutcomes(outcomes: readonly StoreOutcome[], done: string, json: boolean): void {
  if (json) {
    const rows = outcomes.map(({ store: { id, location }, outcome: { kind, ...why } }) => ({
      store: id,
      location,
      outcome: kind,
      ...why,
    }));
    console.log(JSON.stringify(rows, null, 2));
    return;
  }
  for (const { store, outcome } of outcomes) {
    printRow(outcome.kind === "done" ? done : outcome.kind.replace("_", " "), store, outcome);
  }
}

function printRow(what: string, store: TrustStore, detail: StoreStatus["state"] | Outcome): void {
  console.log(`${what.padEnd(11)}  ${NAMES[store.id].padEnd(8)}  ${store.location}`);
  if ("why" in detail) console.log(`             ${detail.why}. ${detail.advice}`);
}

/** Throws for what was asked and not done. */
export function refuseFailures(outcomes: readonly StoreOutcome[], verb: "install" | "uninstall"): void {
  const failed = outcomes.find(({ outcome }) => outcome.kind === "failed");
  if (failed !== undefined) throw storeError("OXIMY_E_TRUST", failed);
  if (outcomes.some(({ outcome }) => outcome.kind === "needs_root")) {
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
    "This machine has no trust store that Oximy knows.",
    'Install ca-certificates, or hand the certificate over by variables: eval "$(oximy env)"',
  );
}

const withJson = (command: Command): Command => command.option("--json", "print JSON", false);
const isJson = (command: Command): boolean => command.opts<{ json: boolean }>().json;
