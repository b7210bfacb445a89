/**
 * Parses a published document. Its form is detected from its keys, since `bundle_version` is "2.1.0" for different
 * forms. Malformed entries are rejected and reported; the rest is used.
 */

import type { Bundle, HostPattern, ParsedBundle, Parser, Provider } from "./bundle.js";
import { type Entries, inspectDocument, isRecord, noHosts, parseDocument, textOf } from "./document.js";
import { builtInParsers } from "./embedded.js";
import {
  parseHosts,
  parseModels,
  parsePatterns,
  parseProviderEntries,
  usualFormat,
} from "./parse-entries.js";
import { parseExtractionRules, parseParsers } from "./parse-parsers.js";
import { parseApps, parseWebsites } from "./parse-registry.js";
import { ownSupplement, type SupplementUse, withSupplement } from "./supplement.js";

const MAX_REJECTED = 200;
const MAX_SENTENCE = 300;

/**
 * Parses a bundle and, unless disabled, applies the supplement. `name` denotes the bundle in errors.
 *
 * @throws OximyError OXIMY_E_BUNDLE_NOT_JSON, OXIMY_E_BUNDLE_TOO_LARGE, OXIMY_E_BUNDLE_NO_HOSTS
 */
export function readBundleText(
  text: string,
  name = "The bundle",
  supplement: SupplementUse = "over",
): ParsedBundle {
  const { bundle, rejected } = parseBundle(parseDocument(text, name), name);
  if (supplement === "none") return { bundle, rejected };
  return { bundle: withSupplement(bundle, ownSupplement()), rejected };
}

/**
 * Parses the bundle alone.
 *
 * @throws OximyError OXIMY_E_BUNDLE_TOO_LARGE, OXIMY_E_BUNDLE_NO_HOSTS
 */
export function parseBundle(document: unknown, name = "The bundle"): ParsedBundle {
  const rejected = inspectDocument(document, name);
  if (!isRecord(document)) throw noHosts(name);
  const hosts = parseHosts(document.domain_lookup ?? document.domain_index, rejected);
  const patterns = parsePatterns(document.domain_patterns, rejected);
  if (hosts.size === 0 && patterns.length === 0) throw noHosts(name);
  const registry = isRecord(document.registry) ? document.registry : document;
  const generatedAt = textOf(document.generated_at);
  const bundle: Bundle = {
    version: textOf(document.bundle_version) ?? textOf(document.version) ?? "unknown",
    ...(generatedAt !== undefined && { generatedAt }),
    hosts,
    patterns,
    providers: parseProviders(document, hosts, patterns, rejected),
    parsers: parsersOf(document, rejected),
    models: parseModels(document.models, rejected),
    apps: parseApps(registry.apps, rejected),
    websites: parseWebsites(registry.websites, rejected),
  };
  return { bundle, rejected: bounded(rejected) };
}

/** Limits what is logged: a hostile document could cause millions of long sentences with control characters. */
function bounded(rejected: readonly string[]): readonly string[] {
  const sentences = rejected
    .slice(0, MAX_REJECTED)
    .map((sentence) => sentence.slice(0, MAX_SENTENCE).replace(/[\x00-\x1f\x7f-\x9f]/g, "\uFFFD"));
  const left = rejected.length - sentences.length;
  return left === 0 ? sentences : [...sentences, `${left} more entries.`];
}

function parseProviders(
  document: Entries,
  hosts: ReadonlyMap<string, string>,
  patterns: readonly HostPattern[],
  rejected: string[],
): Map<string, Provider> {
  const formats = isRecord(document.extraction_rules) ? document.extraction_rules : {};
  const providers = parseProviderEntries(document.providers, formats, rejected);
  // A host is known even if its provider is not described.
  for (const id of [...hosts.values(), ...patterns.map((pattern) => pattern.provider)]) {
    if (!providers.has(id)) providers.set(id, { id, name: id, apiFormat: usualFormat(id) });
  }
  return providers;
}

function parsersOf(document: Entries, rejected: string[]): ReadonlyMap<string, Parser> {
  const parsers = parseParsers(document.parsers, rejected);
  if (parsers.size > 0) return parsers;
  const derived = parseExtractionRules(document.extraction_rules, rejected);
  return derived.size > 0 ? derived : builtInParsers();
}
