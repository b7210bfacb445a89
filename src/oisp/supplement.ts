/**
 * Our own facts (data/oximy-supplement.json), each with its source and date. They add what a bundle lacks and remove
 * nothing; only those marked as corrections override the bundle.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { App, Bundle, Fact, HostPattern, ModelInfo, Parser, Provider, Website } from "./bundle.js";
import { isRecord, parseDocument, textOf } from "./document.js";
import { type Facts, mergeApps, mergeWebsites } from "./merge-sites.js";
import { parseHosts, parseModels, parsePatterns, parseProviderEntries } from "./parse-entries.js";
import { parseParsers } from "./parse-parsers.js";
import { parseApps, parseWebsites } from "./parse-registry.js";

export const SUPPLEMENT_LOCATION = fileURLToPath(
  new URL("../../data/oximy-supplement.json", import.meta.url),
);

/** Whether our own facts are applied over a bundle. */
export type SupplementUse = "over" | "none";

/** Facts that share a source; has the form of a partial bundle. */
export interface FactGroup extends Fact {
  readonly hosts: ReadonlyMap<string, string>;
  /** Hosts that a bundle wrongly assigns to this provider; only in corrections. */
  readonly removed: ReadonlyMap<string, string>;
  readonly patterns: readonly HostPattern[];
  readonly providers: ReadonlyMap<string, Provider>;
  readonly parsers: ReadonlyMap<string, Parser>;
  readonly models: ReadonlyMap<string, ModelInfo>;
  readonly apps: readonly App[];
  readonly websites: readonly Website[];
}

export interface Supplement {
  readonly groups: readonly FactGroup[];
  /** One sentence for each rejected entry; empty for the supplement that ships with the program. */
  readonly rejected: readonly string[];
}

let own: Supplement | undefined;

/** The supplement that ships with the program, parsed once. */
export function ownSupplement(): Supplement {
  own ??= parseSupplement(parseDocument(readFileSync(SUPPLEMENT_LOCATION, "utf8"), "The supplement"));
  return own;
}

export function parseSupplement(document: unknown): Supplement {
  const rejected: string[] = [];
  const listed: readonly unknown[] =
    isRecord(document) && Array.isArray(document.facts) ? document.facts : [];
  const groups = listed.flatMap((group, at): FactGroup[] => {
    const fact = factOf(group);
    if (!fact || !isRecord(group)) {
      rejected.push(`Facts ${at}: without source or date.`);
      return [];
    }
    const registry = isRecord(group.registry) ? group.registry : {};
    return [
      {
        ...fact,
        hosts: parseHosts(group.domain_lookup, rejected),
        removed: fact.correction === undefined ? new Map() : parseHosts(group.domain_removed, rejected),
        patterns: parsePatterns(group.domain_patterns, rejected),
        providers: parseProviderEntries(group.providers, {}, rejected),
        parsers: parseParsers(group.parsers, rejected),
        models: parseModels(group.models, rejected),
        apps: parseApps(registry.apps, rejected),
        websites: parseWebsites(registry.websites, rejected),
      },
    ];
  });
  return { groups, rejected };
}

function factOf(group: unknown): Fact | undefined {
  const { source, date, correction } = isRecord(group) ? group : {};
  const from = textOf(source);
  const known = textOf(date);
  if (from === undefined || known === undefined) return undefined;
  const why = textOf(correction);
  return { source: from, date: known, ...(why !== undefined && { correction: why }) };
}

/** The bundle with the facts applied; `facts` of the result lists our entries. */
export function withSupplement(bundle: Bundle, { groups }: Supplement): Bundle {
  const facts: Facts = new Map();
  const hosts = new Map(bundle.hosts);
  const patterns = [...bundle.patterns];
  const providers = new Map(bundle.providers);
  const parsers = new Map(bundle.parsers);
  const models = new Map(bundle.models);
  let { apps, websites } = bundle;
  for (const group of groups) {
    const { source, date, correction } = group;
    const fact: Fact = { source, date, ...(correction !== undefined && { correction }) };
    for (const [host, provider] of group.removed) {
      if (hosts.get(host) !== provider) continue;
      hosts.delete(host);
      facts.set(`host ${host}`, fact);
    }
    addEntries("host", hosts, group.hosts, fact, facts);
    addEntries("provider", providers, group.providers, fact, facts);
    addEntries("parser", parsers, group.parsers, fact, facts);
    addEntries("model", models, group.models, fact, facts);
    for (const pattern of group.patterns) {
      if (
        patterns.some((known) => known.regex.source === pattern.regex.source && known.port === pattern.port)
      )
        continue;
      patterns.push(pattern);
      facts.set(`pattern ${pattern.source}`, fact);
    }
    apps = mergeApps(apps, group.apps, fact, facts);
    websites = mergeWebsites(websites, group.websites, fact, facts);
  }
  return { ...bundle, hosts, patterns, providers, parsers, models, apps, websites, facts };
}

/** Adds missing entries; a correction also changes existing ones, in an object only the fields it has. */
function addEntries<Value>(
  kind: string,
  theirs: Map<string, Value>,
  ours: ReadonlyMap<string, Value>,
  fact: Fact,
  facts: Facts,
): void {
  for (const [key, value] of ours) {
    const known = theirs.get(key);
    if (known !== undefined && fact.correction === undefined) continue;
    if (known === undefined && isHalf(value)) continue;
    const merged = isRecord(known) && isRecord(value) ? ({ ...known, ...value } as Value) : value;
    theirs.set(key, merged);
    facts.set(`${kind} ${key}`, fact);
  }
}

/** A correction of a price does not apply to models that the bundle does not have. */
function isHalf(value: unknown): boolean {
  return isRecord(value) && "provider" in value && !("inputCostPer1k" in value);
}
