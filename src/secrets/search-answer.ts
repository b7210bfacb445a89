import type { FileKey } from "./file-key.js";
import { isFileKey } from "./file-key.js";
import type { ProvenSite, SiteKind, SitesOfFile } from "./site.js";

/** The output of oximy-sites. A malicious file may have compromised it: verify everything before use. */
export interface SearchAnswer {
  /** As seen by the search itself. */
  readonly file?: FileKey;
  readonly machine?: string;
  readonly buildId?: string;
  readonly result: SitesOfFile;
}

const KINDS: Readonly<Record<SiteKind, true>> = {
  keylog: true,
  go: true,
  rustls_will_log: true,
  rustls_log: true,
  nss_hmac_create: true,
  nss_hmac_init: true,
};
const RULES: Readonly<Record<ProvenSite["rule"], true>> = {
  symbol: true,
  calls: true,
  go_table: true,
  label_table: true,
  label: true,
  vector: true,
};

const MOST_SITES = 32;
const LONGEST_PROOF = 32;
const REASON = /^[\w ,;:'()-]{1,120}$/;

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Whether an untrusted value (from the search, or a file) has the form of a site. */
export function isProvenSite(value: unknown): value is ProvenSite {
  if (typeof value !== "object" || value === null) return false;
  const { kind, offset, rule, proof } = value as Record<string, unknown>;
  return (
    typeof kind === "string" &&
    Object.hasOwn(KINDS, kind) &&
    typeof rule === "string" &&
    Object.hasOwn(RULES, rule) &&
    isNumber(offset) &&
    Array.isArray(proof) &&
    proof.length <= LONGEST_PROOF &&
    proof.every(isNumber)
  );
}

export const areProvenSites = (value: unknown): value is ProvenSite[] =>
  Array.isArray(value) && value.length > 0 && value.length <= MOST_SITES && value.every(isProvenSite);

export const isReason = (value: unknown): value is string => typeof value === "string" && REASON.test(value);

const failed = (reason: string): SearchAnswer => ({ result: { kind: "failed", reason } });

/** Reads the lines defined in native/linux/sites/answer.h. Any other line makes the whole answer a failure. */
export function parseAnswer(text: string): SearchAnswer {
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.pop() !== "end") return failed("the search was interrupted");
  const sites: ProvenSite[] = [];
  const head: { file?: string; machine?: string; buildId?: string } = {};
  let reason: string | undefined;
  for (const line of lines) {
    const [word = "", ...rest] = line.split(" ");
    const value = rest.join(" ");
    if (word === "file" && isFileKey(value)) head.file = value;
    else if (word === "machine" && /^\w+$/.test(value)) head.machine = value;
    else if (word === "build-id" && /^[0-9a-f]{16,128}$/.test(value)) head.buildId = value;
    else if (word === "none" && isReason(value)) reason = value;
    else {
      const [kind, offset, rule, ...proof] = rest;
      const site: unknown = { kind, offset: Number(offset), rule, proof: proof.map(Number) };
      if (word !== "site" || !isProvenSite(site)) return failed("the search returned an invalid answer");
      sites.push(site);
    }
  }
  if (reason !== undefined && sites.length === 0) return { ...head, result: { kind: "none", reason } };
  if (reason === undefined && areProvenSites(sites)) return { ...head, result: { kind: "found", sites } };
  return failed("the search returned an invalid answer");
}
