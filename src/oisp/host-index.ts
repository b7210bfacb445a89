/** Looks up hosts in the bundle in constant time, since it is done for every connection. */

import { apiBase } from "./api-path.js";
import type { App, Bundle, HostMatch, HostPattern, Provider, Website } from "./bundle.js";
import { hostKey, LOOPBACK_HOSTS, normaliseHost, splitHostPort } from "./host-name.js";
import { REGION_FAMILIES } from "./region-families.js";

export interface HostIndex {
  readonly bundle: Bundle;
  /**
   * Whether there is anything to read on this host, so that its connections may be decrypted: an API, or an
   * app or website with features. A host that is merely listed (published bundles have huggingface.co
   * and console.aws.amazon.com as AI websites, without features) is private: decrypting it would expose
   * everything and yield nothing. `lookup` still finds it, for the event of the passed-through connection.
   */
  knows(host: string, port: number): boolean;
  /** APIs first, then websites, then apps; undefined when the bundle does not list the host. */
  lookup(host: string, port: number): readonly HostMatch[] | undefined;
}

interface Entry {
  readonly providers: Provider[];
  readonly websites: Website[];
  readonly apps: App[];
}

/** An entry without a port means HTTPS and HTTP as they are spoken everywhere. */
const ORDINARY_PORTS: ReadonlySet<number> = new Set([443, 80]);

export function createHostIndex(bundle: Bundle): HostIndex {
  const exact = new Map<string, Entry>();
  const wildcards = new Map<string, Entry>();
  const byApiHost = providersByApiHost(bundle);
  const patterns = [...bundle.patterns, ...familyPatterns(bundle)];

  const entriesFor = (published: string): Entry[] => {
    const { host, port } = splitHostPort(published) ?? { host: published };
    if (host.startsWith("*.")) return [entryAt(wildcards, hostKey(host.slice(2), port))];
    // One server on this machine is reached by any of its names.
    const names = LOOPBACK_HOSTS.has(host) ? [...LOOPBACK_HOSTS] : [host];
    return names.map((name) => entryAt(exact, hostKey(name, port)));
  };
  for (const [host, id] of bundle.hosts) {
    const sharing = byApiHost.get(host)?.filter((provider) => provider.id !== id) ?? [];
    for (const entry of entriesFor(host)) entry.providers.push(providerOf(bundle, id), ...sharing);
  }
  for (const website of bundle.websites) {
    for (const host of website.hosts) for (const entry of entriesFor(host)) entry.websites.push(website);
  }
  for (const app of bundle.apps) {
    for (const host of app.hosts) for (const entry of entriesFor(host)) entry.apps.push(app);
  }

  function* entriesOf(host: string, port: number): Generator<Entry> {
    const ports = ORDINARY_PORTS.has(port) ? [undefined, port] : [port];
    for (const at of ports) {
      const entry = exact.get(hostKey(host, at));
      if (entry) yield entry;
    }
    if (wildcards.size === 0) return;
    for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) {
      for (const at of ports) {
        const entry = wildcards.get(hostKey(host.slice(dot + 1), at));
        if (entry) yield entry;
      }
    }
  }

  function patternFor(host: string, port: number): HostPattern | undefined {
    return patterns.find(
      (pattern) =>
        (pattern.port === undefined ? ORDINARY_PORTS.has(port) : pattern.port === port) &&
        matchesHost(pattern, host),
    );
  }

  return {
    bundle,
    knows(host, port) {
      const name = normaliseHost(host);
      if (name === undefined) return false;
      for (const entry of entriesOf(name, port)) if (isReadable(entry)) return true;
      return patternFor(name, port) !== undefined;
    },
    lookup(host, port) {
      const name = normaliseHost(host);
      if (name === undefined) return undefined;
      const found = [...entriesOf(name, port)];
      const providers = new Set(found.flatMap((entry) => entry.providers));
      const pattern = providers.size === 0 ? patternFor(name, port) : undefined;
      if (pattern) providers.add(providerOf(bundle, pattern.provider));
      const websites = [...new Set(found.flatMap((entry) => entry.websites))];
      const apps = [...new Set(found.flatMap((entry) => entry.apps))];
      const matches: HostMatch[] = [...providers].map((provider) => ({ kind: "api", provider }));
      if (websites.length > 0) matches.push({ kind: "website", websites: readableFirst(websites) });
      if (apps.length > 0) matches.push({ kind: "app", apps: readableFirst(apps) });
      return matches.length > 0 ? matches : undefined;
    },
  };
}

function entryAt(entries: Map<string, Entry>, key: string): Entry {
  let entry = entries.get(key);
  if (entry === undefined) {
    entry = { providers: [], websites: [], apps: [] };
    entries.set(key, entry);
  }
  return entry;
}

function isReadable(entry: Entry): boolean {
  return (
    entry.providers.length > 0 || [...entry.websites, ...entry.apps].some((site) => site.features.length > 0)
  );
}

/** Published bundles name some hosts twice, once with features and once without. */
function readableFirst<Site extends Website | App>(sites: readonly Site[]): Site[] {
  return sites.toSorted((a, b) => Number(b.features.length > 0) - Number(a.features.length > 0));
}

function providerOf(bundle: Bundle, id: string): Provider {
  return bundle.providers.get(id) ?? { id, name: id, apiFormat: "openai" };
}

/** Providers by the host of their own API: two may share one under different paths (api.z.ai). */
function providersByApiHost(bundle: Bundle): Map<string, Provider[]> {
  const byHost = new Map<string, Provider[]>();
  for (const provider of bundle.providers.values()) {
    const base = apiBase(provider);
    if (base === undefined) continue;
    const sharing = byHost.get(base.host);
    if (sharing) sharing.push(provider);
    else byHost.set(base.host, [provider]);
  }
  return byHost;
}

function familyPatterns(bundle: Bundle): HostPattern[] {
  return REGION_FAMILIES.flatMap(({ regex, sample }) => {
    const member = [...bundle.hosts.keys()].find((host) => regex.test(host));
    const provider =
      (member && bundle.hosts.get(member)) ??
      bundle.patterns.find((pattern) => pattern.regex.test(sample))?.provider;
    return provider === undefined ? [] : [{ regex, source: regex.source, provider }];
  });
}

function matchesHost(pattern: HostPattern, host: string): boolean {
  if (LOOPBACK_HOSTS.has(host) && pattern.port !== undefined)
    return [...LOOPBACK_HOSTS].some((name) => pattern.regex.test(name));
  return pattern.regex.test(host);
}
