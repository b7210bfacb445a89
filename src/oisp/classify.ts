/**
 * Classifies a request by its address:
 *
 * | known host | path                        | level          |
 * |------------|-----------------------------|----------------|
 * | yes        | an AI call that can be read | `full_trace`   |
 * | yes        | anything else               | `identifiable` |
 * | no         |                             | `drop`         |
 */

import { formatOfPath, isApiCall, isBelowBase } from "./api-path.js";
import type { App, Classification, Feature, HostMatch, Provider, Website } from "./bundle.js";
import type { HostIndex } from "./host-index.js";
import { hostKey, normaliseHost } from "./host-name.js";
import { matchesUrlGlob } from "./url-glob.js";

export interface RequestAddress {
  readonly method: string;
  readonly host: string;
  readonly port: number;
  /** With or without query. */
  readonly path: string;
  /** Without `?`; when absent, what follows `?` in `path`. */
  readonly query?: string;
  /** The client's app, if known: an app's feature only counts as the app's when the app itself makes the request. */
  readonly appId?: string;
}

interface Address {
  readonly method: string;
  readonly host: string;
  readonly authority: string;
  readonly path: string;
  readonly query: string;
  readonly appId?: string;
}

/** A website or app of the host. */
interface Site {
  readonly type: "website" | "app";
  readonly entry: Website | App;
}

export function classify(request: RequestAddress, index: HostIndex): Classification {
  const matches = index.lookup(request.host, request.port);
  if (matches === undefined) return { level: "drop" };
  const address = addressOf(request);
  const sites = sitesOf(matches, request.appId);
  for (const site of sites) {
    const feature = site.entry.features.find((candidate) => matchesFeature(candidate, address));
    if (feature) {
      // The same call made by a browser is the website's, even if only the app's entry defines how to read it.
      const named =
        site.type === "website" || site.entry.id === request.appId
          ? site
          : (sites.find(({ type }) => type === "website") ?? site);
      return {
        level: "full_trace",
        source: { type: named.type, id: named.entry.id, endpoint: feature.id },
        feature,
      };
    }
  }
  const providers = matches.flatMap((match) => (match.kind === "api" ? [match.provider] : []));
  if (providers.length > 0) return classifyApi(providerFor(providers, address), address, index);
  const { type, entry } = sites[0]!;
  return { level: "identifiable", source: { type, id: entry.id, endpoint: null }, reason: "path_unknown" };
}

function classifyApi(provider: Provider, address: Address, { bundle }: HostIndex): Classification {
  const source = { type: "api", id: provider.id, endpoint: null } as const;
  if (!isApiCall(provider, address))
    return { level: "identifiable", source, provider, reason: "path_unknown" };
  // A format identified by its path has a built-in reader, even if the bundle has no parser for it.
  const isReadable = formatOfPath(address.path) !== undefined || bundle.parsers.has(provider.apiFormat);
  if (!isReadable) return { level: "identifiable", source, provider, reason: "no_parser" };
  return { level: "full_trace", source, provider };
}

/** When providers share a host, the one with the longest base URL that contains the path. */
function providerFor(providers: readonly Provider[], { authority, path }: Address): Provider {
  const below = providers.filter((provider) => isBelowBase(provider, authority, path));
  const [nearest] = below.sort((a, b) => b.apiEndpoint!.length - a.apiEndpoint!.length);
  return nearest ?? providers[0]!;
}

/** The client's own app first, then websites, then other apps. */
function sitesOf(matches: readonly HostMatch[], appId: string | undefined): Site[] {
  const websites = matches.flatMap((match) => (match.kind === "website" ? match.websites : []));
  const apps = matches.flatMap((match) => (match.kind === "app" ? match.apps : []));
  return [
    ...apps.filter(({ id }) => id === appId).map((entry): Site => ({ type: "app", entry })),
    ...websites.map((entry): Site => ({ type: "website", entry })),
    ...apps.filter(({ id }) => id !== appId).map((entry): Site => ({ type: "app", entry })),
  ];
}

function addressOf({ method, host, port, path, query }: RequestAddress): Address {
  const mark = path.indexOf("?");
  const name = normaliseHost(host) ?? host;
  return {
    method: method.toUpperCase(),
    host: name,
    authority: port === 443 || port === 80 ? name : hostKey(name, port),
    path: mark === -1 ? path : path.slice(0, mark),
    query: query ?? (mark === -1 ? "" : path.slice(mark + 1)),
  };
}

function matchesFeature(feature: Feature, { method, host, path, query }: Address): boolean {
  return feature.patterns.some(
    (pattern) =>
      (pattern.method === undefined || pattern.method === method) &&
      matchesUrlGlob(pattern.url, host, path) &&
      hasQueryParams(query, pattern.queryParams ?? []),
  );
}

/** Each is `name=value`, or `name` for any value. */
function hasQueryParams(query: string, wanted: readonly string[]): boolean {
  if (wanted.length === 0) return true;
  const params = new URLSearchParams(query);
  return wanted.every((param) => {
    const equals = param.indexOf("=");
    if (equals === -1) return params.has(param);
    return params.getAll(param.slice(0, equals)).includes(param.slice(equals + 1));
  });
}
