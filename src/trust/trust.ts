/** Which stores trust our certificate, and how to make them do so or stop. All operations are idempotent. */

import { readFile } from "node:fs/promises";
import type { InvokingUser } from "../user/invoking-user.js";
import { changeStore, isTrusted, listStore, StoreError } from "./machine.js";
import { isOurs, type NamedCertificate, type Step, type TrustStore } from "./trust-store.js";

export type TrustState =
  | { readonly kind: "trusted" }
  | { readonly kind: "not_trusted" }
  | { readonly kind: "unknown"; readonly why: string; readonly advice: string };

export interface StoreStatus {
  readonly store: TrustStore;
  readonly state: TrustState;
  /** All certificates of Oximy in it, including those of other installations and users. */
  readonly entries: readonly string[];
}

export type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "unchanged" }
  | { readonly kind: "needs_root" }
  /** It cannot even be read. */
  | { readonly kind: "skipped"; readonly why: string; readonly advice: string }
  | { readonly kind: "failed"; readonly why: string; readonly advice: string };

export interface StoreOutcome {
  readonly store: TrustStore;
  readonly outcome: Outcome;
}

/** @param certificate absent when this installation has none yet */
export async function storeStatus(
  store: TrustStore,
  certificate: NamedCertificate | undefined,
  invokingUser: InvokingUser,
): Promise<StoreStatus> {
  try {
    const entries = (await listStore(store, invokingUser)).filter(isOurs);
    const trusted =
      certificate !== undefined &&
      entries.some((entry) => entry.includes(certificate.name)) &&
      (store.bundle === undefined || (await holds(store.bundle, certificate.pem))) &&
      (store.verify === undefined || (await isTrusted(store.verify(certificate), invokingUser)));
    return { store, state: { kind: trusted ? "trusted" : "not_trusted" }, entries };
  } catch (error) {
    return { store, state: { kind: "unknown", ...reasonOf(error) }, entries: [] };
  }
}

/**
 * @param others what to do with other certificates of Oximy in the store: an older one, whose key a user's programs
 *   could read, is removed when the machine's own is installed
 */
export async function installInto(
  store: TrustStore,
  certificate: NamedCertificate,
  invokingUser: InvokingUser,
  others: "taken_out" | "left" = "left",
): Promise<StoreOutcome> {
  const { state, entries } = await storeStatus(store, certificate, invokingUser);
  if (state.kind === "unknown") return { store, outcome: { ...state, kind: "skipped" } };
  const old = others === "left" ? [] : entries.filter((entry) => !entry.includes(certificate.name));
  if (state.kind === "trusted" && old.length === 0) return { store, outcome: { kind: "unchanged" } };
  const outcome = await change(store, async () => {
    const steps = [
      ...(state.kind === "trusted" ? [] : store.install(certificate)),
      ...old.flatMap((entry) => store.remove(entry)),
    ];
    await changeStore(store, withoutRepeats(steps), invokingUser);
  });
  if (outcome.kind !== "done") return { store, outcome };
  const after = await storeStatus(store, certificate, invokingUser);
  if (after.state.kind === "trusted") return { store, outcome };
  const why = "its tool reported success, but the certificate is not in the file that programs read";
  return { store, outcome: { kind: "failed", why, advice: "Run: oximy ca status" } };
}

/** Removes every certificate of Oximy: none may stay trusted because its key was forgotten. */
export async function uninstallFrom(store: TrustStore, invokingUser: InvokingUser): Promise<StoreOutcome> {
  const { state, entries } = await storeStatus(store, undefined, invokingUser);
  if (state.kind === "unknown") return { store, outcome: { ...state, kind: "skipped" } };
  if (entries.length === 0) return { store, outcome: { kind: "unchanged" } };
  const steps = entries.flatMap((entry) => store.remove(entry));
  const outcome = await change(store, () => changeStore(store, withoutRepeats(steps), invokingUser));
  return { store, outcome };
}

/** A tool that regenerates what programs read needs to run only once, at the end. */
function withoutRepeats(steps: readonly Step[]): Step[] {
  const texts = steps.map((step) => JSON.stringify(step));
  return steps.filter((step, index) => step.kind !== "run" || texts.lastIndexOf(texts[index]!) === index);
}

async function change({ owner }: TrustStore, work: () => Promise<void>): Promise<Outcome> {
  if (owner === "root" && process.getuid?.() !== 0) return { kind: "needs_root" };
  try {
    await work();
    return { kind: "done" };
  } catch (error) {
    return { kind: "failed", ...reasonOf(error) };
  }
}

function reasonOf(error: unknown): { why: string; advice: string } {
  const why = (error as Error).message;
  return { why, advice: error instanceof StoreError ? error.advice : "Correct that, and run it again." };
}

async function holds(bundle: string, pem: string): Promise<boolean> {
  const solid = (text: string) => text.replace(/\s/g, "");
  try {
    return solid(await readFile(bundle, "latin1")).includes(solid(pem));
  } catch (error) {
    // Not generated by a tool yet.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
