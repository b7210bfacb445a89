/** Parses apps and websites of all registry versions: maps or lists, `domains` or `api_domains`. */

import type { App, AppSignatures, Feature, Website } from "./bundle.js";
import { type Entries, entriesOf, isRecord, textOf, textsOf, withoutForbiddenKeys } from "./document.js";
import { builtInFeatureParser } from "./embedded.js";
import { hostKey, splitHostPort } from "./host-name.js";
import { wildcardFault } from "./host-pattern.js";
import { entryFault } from "./schema.js";

export function parseApps(published: unknown, rejected: string[]): App[] {
  return namedEntries(published, "App", rejected).map(([id, entry]) => {
    const vendor = textOf(entry.vendor);
    const category = textOf(entry.category);
    return {
      id,
      name: String(entry.name),
      ...(vendor !== undefined && { vendor }),
      ...(category !== undefined && { category }),
      signatures: parseSignatures(entry.signatures, id, rejected),
      hosts: parseHosts(entry, `App ${id}`, rejected),
      features: parseFeatures(entry.features, "apps", id, rejected),
    };
  });
}

export function parseWebsites(published: unknown, rejected: string[]): Website[] {
  return namedEntries(published, "Website", rejected).map(([id, entry]) => ({
    id,
    name: String(entry.name),
    hosts: parseHosts(entry, `Website ${id}`, rejected),
    features: parseFeatures(entry.features, "websites", id, rejected),
  }));
}

function namedEntries(published: unknown, what: string, rejected: string[]): Array<[string, Entries]> {
  const listed = Array.isArray(published)
    ? published.map((entry) => [isRecord(entry) ? textOf(entry.id) : undefined, entry] as const)
    : entriesOf(published);
  const named: Array<[string, Entries]> = [];
  for (const [id, entry] of listed) {
    const fault = entryFault("site", entry);
    if (id === undefined) rejected.push(`${what} without id.`);
    else if (fault !== undefined || !isRecord(entry)) rejected.push(`${what} ${id}: ${fault}.`);
    else named.push([id, entry]);
  }
  return named;
}

function parseHosts(entry: Entries, where: string, rejected: string[]): string[] {
  const hosts = new Set<string>();
  for (const published of [...textsOf(entry.domains), ...textsOf(entry.api_domains)]) {
    const split = splitHostPort(published);
    const fault = split === undefined ? "is not a host name" : wildcardFault(split.host);
    if (split === undefined || fault !== undefined) rejected.push(`${where}: host ${published} ${fault}.`);
    else hosts.add(hostKey(split.host, split.port));
  }
  return [...hosts];
}

function parseSignatures(published: unknown, id: string, rejected: string[]): AppSignatures {
  const fault = entryFault("signatures", published ?? {});
  if (fault !== undefined) rejected.push(`App ${id}, signatures: ${fault}.`);
  const signatures = fault === undefined && isRecord(published) ? published : {};
  const [macos, windows, linux] = [signatures.macos, signatures.windows, signatures.linux].map((system) =>
    isRecord(system) ? system : {},
  );
  return {
    bundleIds: [...textsOf(macos?.bundle_id), ...textsOf(macos?.helper_bundles)],
    executables: { linux: textsOf(linux?.exe), darwin: textsOf(macos?.exe), win32: textsOf(windows?.exe) },
    applicationIds: [
      ...new Set([
        ...textsOf(linux?.desktop_id),
        ...textsOf(linux?.flatpak_id),
        ...textsOf(linux?.snap_name),
      ]),
    ],
    scripts: textsOf(signatures.scripts),
    teamIds: textsOf(macos?.team_id),
  };
}

function parseFeatures(
  published: unknown,
  registry: "apps" | "websites",
  site: string,
  rejected: string[],
): Feature[] {
  const where = registry === "apps" ? `App ${site}` : `Website ${site}`;
  const features: Feature[] = [];
  for (const [id, entry] of entriesOf(published)) {
    const fault = entryFault("feature", entry);
    if (fault !== undefined || !isRecord(entry)) {
      rejected.push(`${where}, feature ${id}: ${fault}.`);
      continue;
    }
    const type = textOf(entry.type);
    const parser = entry.parser ?? builtInFeatureParser(registry, site, id);
    // A map of patterns has one for the request and one for the response; either identifies the feature.
    const patterns = Object.values(entry.patterns as Entries | readonly unknown[]) as Entries[];
    features.push({
      id,
      name: textOf(entry.name) ?? id,
      ...(type !== undefined && { type }),
      patterns: patterns.map((pattern) => {
        const method = textOf(pattern.method)?.toUpperCase();
        const queryParams = textsOf(pattern.query_params);
        return {
          url: String(pattern.url),
          ...(method !== undefined && { method }),
          ...(queryParams.length > 0 && { queryParams }),
        };
      }),
      ...(parser !== undefined && { parser: withoutForbiddenKeys(parser) }),
    });
  }
  return features;
}
