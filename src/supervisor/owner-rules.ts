/**
 * Firewall rules of this machine that match by sender: they see our connections in place of the client's, with the user
 * who started us and our group, so they may pass what they would have blocked, or block what they would have passed.
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Log } from "../log.js";

/** nft(8): `meta skuid`, `meta skgid`, `meta cgroup`, `socket cgroupv2`. */
const NFT_OWNER = /\b(skuid|skgid|meta cgroup|cgroupv2)\b/;
/** iptables-extensions(8): the matches owner and cgroup. */
const IPTABLES_OWNER = /^-A .*( -m (owner|cgroup) |--[ug]id-owner )/;
const SHOWN = 5;

/** The rules by user, group or control group in the output of `nft list ruleset`, each with its table and chain. */
export function nftOwnerRules(ruleset: string): string[] {
  const found: string[] = [];
  let table = "";
  let chain = "";
  for (const line of ruleset.split("\n").map((text) => text.trim())) {
    const begins = /^(table|chain) (.+) \{/.exec(line);
    if (begins?.[1] === "table") table = begins[2]!;
    else if (begins) chain = begins[2]!;
    else if (NFT_OWNER.test(line) && !/^inet oximy/.test(table) && !/^OXIMY_/.test(chain)) {
      found.push(`${table} ${chain}: ${shown(line)}`);
    }
  }
  return found;
}

/** The same in the output of `iptables-save`, verbatim. */
export function iptablesOwnerRules(saved: string): string[] {
  return saved
    .split("\n")
    .filter((line) => IPTABLES_OWNER.test(line) && !/^-A OXIMY_/.test(line))
    .map(shown);
}

/** Those of this machine. Needs root; a ruleset that cannot be read counts as empty. */
export function readOwnerRules(): string[] {
  const nft = outputOf("nft", "-s", "list", "ruleset");
  const legacy = nft === undefined ? "iptables" : "iptables-legacy";
  const found = nft === undefined ? [] : nftOwnerRules(nft);
  // nft already lists what iptables-nft manages. The legacy tables are read only where they are in use, since reading
  // creates them.
  if (nft === undefined || inUse("/proc/net/ip_tables_names"))
    found.push(...iptablesOwnerRules(outputOf(`${legacy}-save`) ?? ""));
  if (nft === undefined || inUse("/proc/net/ip6_tables_names"))
    found.push(...iptablesOwnerRules(outputOf(`${legacy.replace("ip", "ip6")}-save`) ?? ""));
  return found;
}

/** Logs one warning with the rules. */
export function warnOfOwnerRules(log: Log): void {
  if (process.platform !== "linux") return;
  const rules = readOwnerRules();
  if (rules.length > 0) log.warn(`redirect: ${describeOwnerRules(rules)}`);
}

export function describeOwnerRules(rules: readonly string[]): string {
  const more = rules.length > SHOWN ? `; and ${rules.length - SHOWN} more` : "";
  return (
    "rules of this machine go by user or group, and see connections that are captured as those of the user who runs " +
    `Oximy: ${rules.slice(0, SHOWN).join("; ")}${more}`
  );
}

function outputOf(tool: string, ...args: string[]): string | undefined {
  const { PATH = "" } = process.env;
  try {
    return execFileSync(tool, args, {
      encoding: "utf8",
      env: { ...process.env, PATH: `${PATH}:/usr/sbin:/sbin`, LC_ALL: "C" },
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 64 << 20,
    });
  } catch {
    return undefined; // not installed, or not permitted
  }
}

function inUse(file: string): boolean {
  try {
    return readFileSync(file, "utf8").trim() !== "";
  } catch {
    return false;
  }
}

/** Comments in rules are free text. */
const shown = (rule: string): string => rule.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
