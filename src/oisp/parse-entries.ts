/** Parses entries with the same form in bundles and the supplement. Malformed ones are rejected and reported. */

import type { HostPattern, ModelInfo, Prices, Provider } from "./bundle.js";
import { type Entries, entriesOf, isRecord, textOf } from "./document.js";
import { hostKey, LOOPBACK_HOSTS, splitHostPort } from "./host-name.js";
import { compileHostPattern, wildcardFault } from "./host-pattern.js";
import { entryFault } from "./schema.js";

const MAX_PATTERNS = 256;

export function parseHosts(published: unknown, rejected: string[]): Map<string, string> {
  const hosts = new Map<string, string>();
  for (const [entry, provider] of entriesOf(published)) {
    const split = splitHostPort(entry);
    const fault =
      split === undefined
        ? "is not a host name"
        : (wildcardFault(split.host) ?? portlessLoopbackFault(split) ?? entryFault("host", provider));
    if (split === undefined || fault !== undefined) rejected.push(`Host ${entry}: ${fault}.`);
    else hosts.set(hostKey(split.host, split.port), provider as string);
  }
  return hosts;
}

/** Without a port it would match every development server on this machine. */
function portlessLoopbackFault({ host, port }: { host: string; port?: number }): string | undefined {
  return LOOPBACK_HOSTS.has(host) && port === undefined ? "names this machine without a port" : undefined;
}

export function parsePatterns(published: unknown, rejected: string[]): HostPattern[] {
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

/** `formats` has the ids of providers that are also a format (`extraction_rules` of 1.0.0). */
export function parseProviderEntries(
  published: unknown,
  formats: Entries,
  rejected: string[],
): Map<string, Provider> {
  const providers = new Map<string, Provider>();
  for (const [id, entry] of entriesOf(published)) {
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
  return providers;
}

/** For bundles of 1.0.0, which do not specify the format. */
export function usualFormat(provider: string): string {
  if (provider === "aws_bedrock") return "bedrock";
  return provider === "cohere" ? "cohere" : "openai";
}

export function parseModels(published: unknown, rejected: string[]): Map<string, ModelInfo> {
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
