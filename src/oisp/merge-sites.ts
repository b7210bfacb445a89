/** Merges the supplement's apps and websites into those of a bundle. */

import type { App, AppSignatures, Fact, Feature, Website } from "./bundle.js";

/** Facts by kind and key: `host api3.cursor.sh`, `feature website chatgpt codex`. */
export type Facts = Map<string, Fact>;

export function mergeWebsites(
  theirs: readonly Website[],
  ours: readonly Website[],
  fact: Fact,
  facts: Facts,
): Website[] {
  const merged = [...theirs];
  for (const site of ours) {
    const at = merged.findIndex(({ id }) => id === site.id);
    merged[at < 0 ? merged.length : at] = mergeSite("website", merged[at], site, fact, facts);
  }
  return merged;
}

export function mergeApps(theirs: readonly App[], ours: readonly App[], fact: Fact, facts: Facts): App[] {
  const merged = [...theirs];
  for (const app of ours) {
    const at = placeOf(app, merged);
    const known = merged[at];
    const site = mergeSite("app", known, app, fact, facts);
    const others = merged.filter((_, index) => index !== at);
    const signatures = mergeSignatures(known?.signatures, app.signatures, others);
    if (known && JSON.stringify(known.signatures) !== JSON.stringify(signatures))
      facts.set(`signatures app ${known.id}`, fact);
    merged[at < 0 ? merged.length : at] = { ...site, signatures };
  }
  return merged;
}

/** Bundles use different ids for some apps (`google-chrome`, `chrome`): the same macOS bundle id means the same app. */
function placeOf(app: App, apps: readonly App[]): number {
  const byId = apps.findIndex(({ id }) => id === app.id);
  if (byId >= 0) return byId;
  return apps.findIndex(({ signatures }) =>
    signatures.bundleIds.some((id) => app.signatures.bundleIds.includes(id)),
  );
}

function mergeSite<Site extends App | Website>(
  kind: "app" | "website",
  known: Site | undefined,
  site: Site,
  fact: Fact,
  facts: Facts,
): Site {
  const id = known?.id ?? site.id;
  if (!known) facts.set(`${kind} ${id}`, fact);
  for (const host of site.hosts)
    if (!known?.hosts.includes(host)) facts.set(`host ${kind} ${id} ${host}`, fact);
  const wins = fact.correction !== undefined;
  return {
    ...(wins ? { ...known, ...site } : { ...site, ...known }),
    id,
    hosts: union(known?.hosts, site.hosts),
    features: mergeFeatures(`${kind} ${id}`, known?.features ?? [], site.features, fact, facts),
  };
}

function mergeFeatures(
  of: string,
  theirs: readonly Feature[],
  ours: readonly Feature[],
  fact: Fact,
  facts: Facts,
): Feature[] {
  const merged = [...theirs];
  for (const feature of ours) {
    const at = merged.findIndex(({ id }) => id === feature.id);
    const known = merged[at];
    const patterns = unionBy(known?.patterns, feature.patterns, (pattern) => JSON.stringify(pattern));
    for (const { url, method } of patterns.slice(known?.patterns.length ?? 0))
      facts.set(`feature ${of} ${feature.id} ${method ?? "*"} ${url}`, fact);
    if (!known) facts.set(`feature ${of} ${feature.id}`, fact);
    const wins = fact.correction !== undefined;
    merged[at < 0 ? merged.length : at] = {
      ...(wins ? { ...known, ...feature } : { ...feature, ...known }),
      patterns,
    };
  }
  return merged;
}

/** Adds our signatures, except those that another app of the bundle already has. */
function mergeSignatures(
  known: AppSignatures | undefined,
  ours: AppSignatures,
  others: readonly App[],
): AppSignatures {
  const free = (added: readonly string[], of: (signatures: AppSignatures) => readonly string[]): string[] => {
    const claimed = new Set(others.flatMap(({ signatures }) => of(signatures)));
    return union(
      known && of(known),
      added.filter((signature) => !claimed.has(signature)),
    );
  };
  const { executables } = ours;
  return {
    bundleIds: free(ours.bundleIds, ({ bundleIds }) => bundleIds),
    executables: {
      linux: free(executables.linux, (signatures) => signatures.executables.linux),
      darwin: free(executables.darwin, (signatures) => signatures.executables.darwin),
      win32: free(executables.win32, (signatures) => signatures.executables.win32),
    },
    applicationIds: free(ours.applicationIds, ({ applicationIds }) => applicationIds),
    scripts: free(ours.scripts, ({ scripts }) => scripts),
    teamIds: union(known?.teamIds, ours.teamIds),
  };
}

function union(known: readonly string[] | undefined, added: readonly string[]): string[] {
  return unionBy(known, added, (value) => value);
}

function unionBy<Value>(
  known: readonly Value[] | undefined,
  added: readonly Value[],
  keyOf: (value: Value) => string,
): Value[] {
  const keys = new Set((known ?? []).map(keyOf));
  return [...(known ?? []), ...added.filter((value) => !keys.has(keyOf(value)))];
}
