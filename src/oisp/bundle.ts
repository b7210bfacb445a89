/**
 * The OISP bundle in normalised form. `load.ts` builds it from the published forms, which are unknown to the rest of
 * the code.
 */

import type { ExchangeReason } from "../connection/reasons.js";

export type ApiFormat = "openai" | "anthropic" | "google" | "bedrock" | "cohere" | "ollama" | (string & {});

export interface Provider {
  readonly id: string;
  readonly name: string;
  readonly apiFormat: ApiFormat;
  /** Base URL of the provider's API, such as `https://openrouter.ai/api/v1`. */
  readonly apiEndpoint?: string;
}

/** A path of the bundle's parsers: a JSONPath, a template such as `{url_path}`, or a response header. */
export type ParserPath =
  | { readonly kind: "jsonpath"; readonly path: string }
  | { readonly kind: "template"; readonly template: string }
  | { readonly kind: "header"; readonly header: string };

/** Named paths; nested one level deep for `usage`, `generation_config` and the like. */
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
  /** The only port that matches; when absent, 443 and 80. */
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
  /** Prices for the whole call when its input has more tokens than `above`. */
  readonly longContext?: Prices & { readonly above: number };
}

/** Exact names that identify the app's processes. */
export interface AppSignatures {
  readonly bundleIds: readonly string[];
  /** Executable basenames by system; compared exactly (Windows: ignoring case). */
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

/** A feature of an app or website: its request patterns, and how to read them. */
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

/** The usable part of a published document, and one sentence for each rejected entry. */
export interface ParsedBundle {
  readonly bundle: Bundle;
  readonly rejected: readonly string[];
}

/** The source of one of our own facts. */
export interface Fact {
  /** URL of the page or package that states it. */
  readonly source: string;
  /** When it was retrieved, `YYYY-MM-DD`. */
  readonly date: string;
  /** Why it overrides the bundle; when absent, it only adds. */
  readonly correction?: string;
}

export interface Bundle {
  readonly version: string;
  readonly generatedAt?: string;
  /** Maps host, or `host:port`, lower-cased and without trailing dot, to provider id. */
  readonly hosts: ReadonlyMap<string, string>;
  readonly patterns: readonly HostPattern[];
  readonly providers: ReadonlyMap<string, Provider>;
  readonly parsers: ReadonlyMap<string, Parser>;
  /** Key `provider/id`. */
  readonly models: ReadonlyMap<string, ModelInfo>;
  readonly apps: readonly App[];
  readonly websites: readonly Website[];
  /** Entries from the supplement, by kind and key (`host api3.cursor.sh`); absent when none was applied. */
  readonly facts?: ReadonlyMap<string, Fact>;
}

/** A bundle, its origin, and its rejected entries. */
export interface LoadedBundle {
  readonly bundle: Bundle;
  /** The document as published; passed to other processes and threads, which parse it themselves. */
  readonly document: string;
  readonly origin: "file" | "cache" | "url" | "stale_cache" | "embedded";
  /** Path or URL. */
  readonly location: string;
  /** One sentence for each rejected entry. */
  readonly rejected: readonly string[];
  /** When the document was last confirmed to be current; epoch ms. */
  readonly loadedAt?: number;
  /** One sentence for the user when this is not the requested bundle, for example because the URL is unreachable. */
  readonly note?: string;
}

/** What the bundle knows about a host. */
export type HostMatch =
  | { readonly kind: "api"; readonly provider: Provider }
  | { readonly kind: "website"; readonly websites: readonly Website[] }
  | { readonly kind: "app"; readonly apps: readonly App[] };

/** `source` of an event, and how to read it. */
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
