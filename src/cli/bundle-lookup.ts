/** Looks up a host, or a call to it, in a bundle: class, reader, and where the fact is from. */

import { readerOf } from "../interaction/format.js";
import type { Bundle, Classification, Fact, HostMatch } from "../oisp/bundle.js";
import { classify } from "../oisp/classify.js";
import { createHostIndex } from "../oisp/host-index.js";
import { LOOPBACK_HOSTS } from "../oisp/host-name.js";
import { matchesUrlGlob } from "../oisp/url-glob.js";

export interface Place {
  readonly host: string;
  readonly port: number;
  /** With query; absent when only the host is looked up. */
  readonly path?: string;
  readonly method: string;
}

export interface Answer {
  readonly host: string;
  readonly port: number;
  readonly decrypted: boolean;
  readonly found: readonly {
    readonly type: "api" | "website" | "app";
    readonly id: string;
    readonly name: string;
    /** Absent for the bundle's own facts. */
    readonly supplement?: Fact;
  }[];
  /** How a call to the path is classified. */
  readonly call?: {
    readonly method: string;
    readonly path: string;
    readonly class: Classification["level"];
    readonly source?: string;
    readonly reason?: string;
    /** The wire format by which it is read; `by body` when the path does not determine it. */
    readonly reader?: string;
    readonly supplement?: Fact;
  };
}

export function lookUp(bundle: Bundle, { host, port, path, method }: Place): Answer {
  const index = createHostIndex(bundle);
  const found = (index.lookup(host, port) ?? []).flatMap((match) =>
    entriesOf(match).map((entry) => withFact(entry, hostFact(bundle, host, port, match, entry.id))),
  );
  const answer = { host, port, decrypted: index.knows(host, port), found };
  if (path === undefined) return answer;
  const taken = classify({ method, host, port, path }, index);
  const plain = path.split("?")[0]!;
  if (taken.level === "drop") return { ...answer, call: { method, path: plain, class: "drop" } };
  const { type, id, endpoint } = taken.source;
  const call = {
    method,
    path: plain,
    class: taken.level,
    source: [type, id, ...(endpoint === null ? [] : [endpoint])].join(" "),
    ...(taken.level === "identifiable"
      ? { reason: taken.reason }
      : { reader: readerOf(plain)?.id ?? (taken.feature?.parser ? "the bundle's rules" : "by body") }),
  };
  return { ...answer, call: withFact(call, featureFact(bundle, taken, host, plain)) };
}

export function lookupLines({ host, port, decrypted, found, call }: Answer): string[] {
  const verdict = decrypted ? "is read" : "passes through untouched";
  const condition =
    decrypted && LOOPBACK_HOSTS.has(host) ? ", by `oximy local` with --local-models only" : "";
  return [
    `${host.includes(":") ? `[${host}]` : host}:${port} ${verdict}${condition}`,
    ...found.map(({ type, id, name, supplement }) => `  ${type} ${id} (${name})${whose(supplement)}`),
    ...(call
      ? [
          `${call.method} ${call.path}`,
          `  class   ${call.class}${call.reason ? ` (${call.reason})` : ""}`,
          ...(call.source ? [`  source  ${call.source}${whose(call.supplement)}`] : []),
          ...(call.reader ? [`  reader  ${call.reader}`] : []),
        ]
      : []),
  ];
}

function whose(fact: Fact | undefined): string {
  if (!fact) return "";
  return `\n          supplement: ${fact.source}, ${fact.date}${fact.correction ? `; a correction: ${fact.correction}` : ""}`;
}

function withFact<Value extends object>(value: Value, supplement: Fact | undefined) {
  return supplement ? { ...value, supplement } : value;
}

function entriesOf(match: HostMatch) {
  switch (match.kind) {
    case "api":
      return [{ type: "api" as const, id: match.provider.id, name: match.provider.name }];
    case "website":
      return match.websites.map(({ id, name }) => ({ type: "website" as const, id, name }));
    case "app":
      return match.apps.map(({ id, name }) => ({ type: "app" as const, id, name }));
  }
}

/** The supplement's fact, if any, that assigns the host to the entry. */
function hostFact(
  { facts, hosts, patterns }: Bundle,
  host: string,
  port: number,
  { kind }: HostMatch,
  id: string,
): Fact | undefined {
  if (!facts) return undefined;
  if (kind !== "api") {
    const suffix = host.split(".").map((_, at, labels) => `*.${labels.slice(at).join(".")}`);
    return [host, ...suffix].map((name) => facts.get(`host ${kind} ${id} ${name}`)).find(Boolean);
  }
  const names = [host, `${host}:${port}`].filter((name) => hosts.has(name));
  if (names.length > 0) return names.map((name) => facts.get(`host ${name}`)).find(Boolean);
  const pattern = patterns.find(({ regex }) => regex.test(host));
  return pattern && facts.get(`pattern ${pattern.source}`);
}

/** The supplement's fact, if any, that makes the path a feature. */
function featureFact(
  { facts }: Bundle,
  taken: Exclude<Classification, { level: "drop" }>,
  host: string,
  path: string,
): Fact | undefined {
  if (!facts || taken.level !== "full_trace" || !taken.feature) return undefined;
  const { type, id } = taken.source;
  for (const { url, method } of taken.feature.patterns) {
    if (!matchesUrlGlob(url, host, path)) continue;
    const fact = facts.get(`feature ${type} ${id} ${taken.feature.id} ${method ?? "*"} ${url}`);
    if (fact) return fact;
  }
  return undefined;
}
