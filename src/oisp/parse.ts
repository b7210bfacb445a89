/**
 * A published document in whatever shape, told by its keys: `bundle_version` says "2.1.0" for shapes that
 * differ. What is malformed is left out and named; the rest is used.
 */

import type { Bundle, HostPattern, ModelInfo, ParsedBundle, Parser, Prices, Provider } from "./bundle.js";
import {
  type Entries,
  entriesOf,
  inspectDocument,
  isRecord,
  noHosts,
  parseDocument,
  textOf,
} from "./document.js";
import { builtInParsers } from "./embedded.js";
import { hostKey, LOOPBACK_HOSTS, splitHostPort } from "./host-name.js";
import { compileHostPattern, wildcardFault } from "./host-pattern.js";
import { parseExtractionRules, parseParsers } from "./parse-parsers.js";
import { parseApps, parseWebsites } from "./parse-registry.js";
import { entryFault } from "./schema.js";

const MAX_PATTERNS = 256;
const MAX_REJECTED = 200;
const MAX_SENTENCE = 300;

/**
 * `name` is what errors call the bundle.
 *
 * @throws OximyError OXIMY_E_BUNDLE_NOT_JSON, OXIMY_E_BUNDLE_TOO_LARGE, OXIMY_E_BUNDLE_NO_HOSTS
 */
export function readBundleText(text: string, name = "The bundle"): ParsedBundle {
  return parseBundle(parseDocument(text, name), name);
}

/** @throws OximyError OXIMY_E_BUNDLE_TOO_LARGE, OXIMY_E_BUNDLE_NO_HOSTS */
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

/** Each sentence is logged, and a hostile document could make millions, long ones, with control characters. */
function bounded(rejected: readonly string[]): readonly string[] {
  const sentences = rejected
    .slice(0, MAX_REJECTED)
    .map((sentence) => sentence.slice(0, MAX_SENTENCE).replace(/[\x00-\x1f\x7f-\x9f]/g, "\uFFFD"));
  const left = rejected.length - sentences.length;
  return left === 0 ? sentences : [...sentences, `${left} more entries.`];
}

function parseHosts(published: unknown, rejected: string[]): Map<string, string> {
  const hosts = new Map<string, string>();
  for (const [entry, provider] of entriesOf(published)) {
    const split = splitHostPort(entry);
    const fault =
      split === undefined
        ? "is no host name"
        : (wildcardFault(split.host) ?? portlessLoopbackFault(split) ?? entryFault("host", provider));
    if (split === undefined || fault !== undefined) rejected.push(`Host ${entry}: ${fault}.`);
    else hosts.set(hostKey(split.host, split.port), provider as string);
  }
  return hosts;
}

/** Without a port it would mean every server that someone develops on this machine. */
function portlessLoopbackFault({ host, port }: { host: string; port?: number }): string | undefined {
  return LOOPBACK_HOSTS.has(host) && port === undefined ? "names this machine without a port" : undefined;
}

function parsePatterns(published: unknown, rejected: string[]): HostPattern[] {
  const patterns: HostPattern[] = [];
  const listed: readonly unknown[] = Array.isArray(published) ? published : [];
  if (listed.length > MAX_PATTERNS)
    rejected.push(`Host patterns beyond the first ${MAX_PATTERNS}: too many.`);
  for (const entry of listed.slice(0, MAX_PATTERNS)) {
    const source = isRecord(entry) ? (textOf(entry.regex) ?? textOf(entry.pattern)) : undefined;
    const name = `Host pattern ${source ?? "without text"}`;
    const fault = entryFault("pattern", entry);
    if (fault !== undefined || source === undefined) {
      rejected.push(`${name}: ${fault}.`);
      continue;
    }
    const { provider } = entry as { provider: string };
    const compiled = compileHostPattern(source);
    if (compiled.kind === "refused") rejected.push(`${name}: ${compiled.why}.`);
    else
      patterns.push({
        regex: compiled.regex,
        source,
        provider,
        ...(compiled.port !== undefined && { port: compiled.port }),
      });
  }
  return patterns;
}

function parseProviders(
  document: Entries,
  hosts: ReadonlyMap<string, string>,
  patterns: readonly HostPattern[],
  rejected: string[],
): Map<string, Provider> {
  const providers = new Map<string, Provider>();
  const formats = isRecord(document.extraction_rules) ? document.extraction_rules : {};
  for (const [id, entry] of entriesOf(document.providers)) {
    const fault = entryFault("provider", entry);
    if (fault !== undefined || !isRecord(entry)) {
      rejected.push(`Provider ${id}: ${fault}.`);
      continue;
    }
    const apiEndpoint = textOf(entry.api_endpoint);
    providers.set(id, {
      id,
      name: textOf(entry.name) ?? textOf(entry.display_name) ?? id,
      apiFormat: textOf(entry.api_format) ?? (Object.hasOwn(formats, id) ? id : usualFormat(id)),
      ...(apiEndpoint !== undefined && { apiEndpoint }),
    });
  }
  // A host whose provider is not described is known all the same.
  for (const id of [...hosts.values(), ...patterns.map((pattern) => pattern.provider)]) {
    if (!providers.has(id)) providers.set(id, { id, name: id, apiFormat: usualFormat(id) });
  }
  return providers;
}

/** For bundles of 1.0.0, which name no format. */
function usualFormat(provider: string): string {
  if (provider === "aws_bedrock") return "bedrock";
  return provider === "cohere" ? "cohere" : "openai";
}

function parsersOf(document: Entries, rejected: string[]): ReadonlyMap<string, Parser> {
  const parsers = parseParsers(document.parsers, rejected);
  if (parsers.size > 0) return parsers;
  const derived = parseExtractionRules(document.extraction_rules, rejected);
  return derived.size > 0 ? derived : builtInParsers();
}

function parseModels(published: unknown, rejected: string[]): Map<string, ModelInfo> {
  const models = new Map<string, ModelInfo>();
  for (const [key, entry] of entriesOf(published)) {
    const slash = key.indexOf("/");
    const fault = slash < 1 ? "its key is not provider/id" : entryFault("model", entry);
    if (fault !== undefined || !isRecord(entry)) {
      rejected.push(`Model ${key}: ${fault}.`);
      continue;
    }
    const { long_context: long } = entry;
    models.set(key, {
      id: textOf(entry.id) ?? key.slice(slash + 1),
      provider: textOf(entry.provider) ?? key.slice(0, slash),
      ...pricesOf(entry),
      ...(isRecord(long) && { longContext: { above: long.above as number, ...pricesOf(long) } }),
    });
  }
  return models;
}

function pricesOf(entry: Entries): Prices {
  const prices = {
    inputCostPer1k: entry.input_cost_per_1k,
    outputCostPer1k: entry.output_cost_per_1k,
    cacheReadCostPer1k: entry.cache_read_cost_per_1k,
    cacheWriteCostPer1k: entry.cache_write_cost_per_1k,
    reasoningCostPer1k: entry.reasoning_cost_per_1k,
  };
  return Object.fromEntries(Object.entries(prices).filter(([, price]) => typeof price === "number"));
}
