/**
 * The OISP bundle in one shape, whatever shape it was published in. `load.ts` makes it; nothing else knows
 * the published shapes.
 */

import type { ExchangeReason } from "../connection/reasons.js";

export type ApiFormat = "openai" | "anthropic" | "google" | "bedrock" | "cohere" | "ollama" | (string & {});

export interface Provider {
  readonly id: string;
  readonly name: string;
  readonly apiFormat: ApiFormat;
  /** Where the provider says its API is, such as `https://openrouter.ai/api/v1`. */
  readonly apiEndpoint?: string;
}

/** A path of the bundle's parsers: a JSONPath, a template such as `{url_path}`, or a response header. */
export type ParserPath =
  | { readonly kind: "jsonpath"; readonly path: string }
  | { readonly kind: "template"; readonly template: string }
  | { readonly kind: "header"; readonly header: string };

/** Named paths; nesting one level deep for `usage`, `generation_config` and the like. */
export type ParserPaths = { readonly [field: string]: ParserPath | { readonly [field: string]: ParserPath } };

export interface StreamingParser {
  readonly format: "sse" | "ndjson";
  readonly doneSignal?: string;
  readonly deltaPath?: ParserPath;
}

export interface Parser {
  readonly request: ParserPaths;
  readonly response: ParserPaths;
  readonly streaming?: StreamingParser;
}

export interface HostPattern {
  /** Fully anchored, matched against the lower-cased host. */
  readonly regex: RegExp;
  /** As published. */
  readonly source: string;
  /** The one port that it means; without it, 443 and 80. */
  readonly port?: number;
  readonly provider: string;
}

/** Prices in USD per 1,000 tokens. */
export interface Prices {
  readonly inputCostPer1k?: number;
  readonly outputCostPer1k?: number;
  readonly cacheReadCostPer1k?: number;
  readonly cacheWriteCostPer1k?: number;
  readonly reasoningCostPer1k?: number;
}

export interface ModelInfo extends Prices {
  readonly id: string;
  readonly provider: string;
  /** Prices of the whole call when its input has more tokens than `above`. */
  readonly longContext?: Prices & { readonly above: number };
}

/** Exact names by which a process is known to belong to the app. */
export interface AppSignatures {
  readonly bundleIds: readonly string[];
  /** Executable basenames by system; compared exactly (Windows: without regard to case). */
  readonly executables: {
    readonly linux: readonly string[];
    readonly darwin: readonly string[];
    readonly win32: readonly string[];
  };
  /** Linux application ids: desktop ids, Flatpak ids, snap names. */
  readonly applicationIds: readonly string[];
  /** Names of scripts or packages run by an interpreter. */
  readonly scripts: readonly string[];
  /** A hint only, never a match. */
  readonly teamIds: readonly string[];
}

/** A feature of an app or website: which requests it is, and how to read them. */
export interface Feature {
  readonly id: string;
  readonly name: string;
  readonly type?: string;
  readonly patterns: ReadonlyArray<{
    readonly url: string;
    readonly method?: string;
    readonly queryParams?: readonly string[];
  }>;
  /** JSONata rules of newer bundles, as published; read in the capture thread only. */
  readonly parser?: unknown;
}

export interface App {
  readonly id: string;
  readonly name: string;
  readonly vendor?: string;
  readonly category?: string;
  readonly signatures: AppSignatures;
  readonly hosts: readonly string[];
  readonly features: readonly Feature[];
}

export interface Website {
  readonly id: string;
  readonly name: string;
  readonly hosts: readonly string[];
  readonly features: readonly Feature[];
}

/** What of a published document could be used, and one sentence for each entry that could not. */
export interface ParsedBundle {
  readonly bundle: Bundle;
  readonly rejected: readonly string[];
}

/** Where a fact of our own is from. */
export interface Fact {
  /** Address of the page or package that says it. */
  readonly source: string;
  /** When it was read there, `YYYY-MM-DD`. */
  readonly date: string;
  /** Why it wins over what a bundle says; without it, it only adds. */
  readonly correction?: string;
}

export interface Bundle {
  readonly version: string;
  readonly generatedAt?: string;
  /** Host, or `host:port`, lower-cased and without trailing dot, to provider id. */
  readonly hosts: ReadonlyMap<string, string>;
  readonly patterns: readonly HostPattern[];
  readonly providers: ReadonlyMap<string, Provider>;
  readonly parsers: ReadonlyMap<string, Parser>;
  /** Key `provider/id`. */
  readonly models: ReadonlyMap<string, ModelInfo>;
  readonly apps: readonly App[];
  readonly websites: readonly Website[];
  /** Which entries are of the supplement, by kind and key (`host api3.cursor.sh`); absent when none was read over it. */
  readonly facts?: ReadonlyMap<string, Fact>;
}

/** A bundle, where it came from, and what of it could not be used. */
export interface LoadedBundle {
  readonly bundle: Bundle;
  /** The document as published: what another process or thread is given, to read again. */
  readonly document: string;
  readonly origin: "file" | "cache" | "url" | "stale_cache" | "embedded";
  /** Path or URL. */
  readonly location: string;
  /** One sentence for each entry that was left out. */
  readonly rejected: readonly string[];
  /** When the document was last known to be what is published; epoch ms. */
  readonly loadedAt?: number;
  /** One sentence for the user when this is not what was asked for, such as an unreachable URL. */
  readonly note?: string;
}

/** What the bundle knows about a host. */
export type HostMatch =
  | { readonly kind: "api"; readonly provider: Provider }
  | { readonly kind: "website"; readonly websites: readonly Website[] }
  | { readonly kind: "app"; readonly apps: readonly App[] };

/** `source` of an event, and how it is read. */
export type Classification =
  | {
      readonly level: "full_trace";
      readonly source: {
        readonly type: "api" | "app" | "website" | "mcp";
        readonly id: string;
        readonly endpoint: string | null;
      };
      readonly provider?: Provider;
      readonly feature?: Feature;
    }
  | {
      readonly level: "identifiable";
      readonly source: {
        readonly type: "api" | "app" | "website" | "mcp";
        readonly id: string;
        readonly endpoint: string | null;
      };
      readonly provider?: Provider;
      readonly reason: ExchangeReason;
    }
  | { readonly level: "drop" };
