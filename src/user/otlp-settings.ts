/** Where telemetry is sent, and how: `--otlp`, and the variables of OpenTelemetry's specification. */

import { OximyError } from "../errors.js";

export const SIGNALS = ["traces", "logs", "metrics"] as const;
export type Signal = (typeof SIGNALS)[number];

/** Plain data, sent between processes. Headers may hold credentials, so it is never in arguments or variables. */
export interface OtlpSettings {
  /** The full URL for each signal that is sent. */
  readonly endpoints: Readonly<Partial<Record<Signal, string>>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly compression: "gzip" | "none";
  /** Timeout of one request. */
  readonly timeoutMs: number;
  /** A file of roots (PEM) to verify the collector with, instead of the system's. */
  readonly certificate?: string;
  /** Attributes for all resources, from OTEL_RESOURCE_ATTRIBUTES. */
  readonly resource: Readonly<Record<string, string>>;
  readonly temporality: "cumulative" | "delta";
  /** Whether prompts and responses are included. */
  readonly content: boolean;
  /** The conventions' names: of the commit in mapping.ts, or those of versions 1.37 to 1.40. */
  readonly names: OtlpNames;
}

export type OtlpNames = "latest" | "1.40";

const DEFAULT_TIMEOUT_MS = 10_000;

export interface OtlpWish {
  /** `--otlp`: the collector's base URL, to which `/v1/traces` and the others are appended. */
  readonly url?: string;
  readonly content: boolean;
  readonly names: OtlpNames;
}

/**
 * Undefined when it is not configured. The variables are those of
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and …/configuration/sdk-environment-variables/; the flag
 * takes precedence over them.
 *
 * @throws OximyError OXIMY_E_CONFIG for a variable that cannot be used.
 */
export function otlpSettings(wish: OtlpWish, env: NodeJS.ProcessEnv): OtlpSettings | undefined {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === "true") return undefined;
  const endpoints: Partial<Record<Signal, string>> = {};
  for (const signal of SIGNALS) {
    const endpoint = endpointOf(signal, wish.url, env);
    if (endpoint !== undefined) endpoints[signal] = endpoint;
  }
  if (Object.keys(endpoints).length === 0) return undefined;
  requireProtocol(env);
  const certificate = env.OTEL_EXPORTER_OTLP_CERTIFICATE;
  const preference = env.OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE?.toLowerCase();
  return {
    endpoints,
    headers: pairsOf("OTEL_EXPORTER_OTLP_HEADERS", env),
    compression: env.OTEL_EXPORTER_OTLP_COMPRESSION === "gzip" ? "gzip" : "none",
    timeoutMs: timeoutOf(env),
    ...(certificate && { certificate }),
    resource: pairsOf("OTEL_RESOURCE_ATTRIBUTES", env),
    temporality: preference === "delta" || preference === "lowmemory" ? "delta" : "cumulative",
    content: wish.content,
    names: wish.names,
  };
}

function endpointOf(signal: Signal, url: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  if (env[`OTEL_${signal.toUpperCase()}_EXPORTER`]?.toLowerCase() === "none") return undefined;
  const own = env[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`];
  if (url === undefined && own) return httpUrl(own).href;
  const base = url ?? env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!base) return undefined;
  const address = httpUrl(base);
  address.pathname = `${address.pathname.replace(/\/+$/, "")}/v1/${signal}`;
  return address.href;
}

function httpUrl(text: string): URL {
  if (!URL.canParse(text) || !/^https?:/i.test(text)) {
    throw unusable(
      `The collector's address ${text} is not an http(s) URL.`,
      "Example: http://localhost:4318",
    );
  }
  return new URL(text);
}

function requireProtocol(env: NodeJS.ProcessEnv): void {
  const protocol = env.OTEL_EXPORTER_OTLP_PROTOCOL;
  if (!protocol || protocol === "http/protobuf") return;
  throw unusable(
    `OTEL_EXPORTER_OTLP_PROTOCOL is ${protocol}, but only http/protobuf is supported.`,
    "Collectors listen for it on port 4318.",
  );
}

function timeoutOf(env: NodeJS.ProcessEnv): number {
  const text = env.OTEL_EXPORTER_OTLP_TIMEOUT;
  if (!text) return DEFAULT_TIMEOUT_MS;
  const value = Number(text);
  if (value > 0) return value;
  throw unusable(`OTEL_EXPORTER_OTLP_TIMEOUT is not a number of milliseconds: ${text}.`, "Example: 10000");
}

/** `a=1,b=2`, values percent-encoded, as W3C's baggage is written. */
function pairsOf(name: string, env: NodeJS.ProcessEnv): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const pair of (env[name] ?? "").split(",")) {
    if (pair.trim() === "") continue;
    const at = pair.indexOf("=");
    try {
      if (at < 1) throw new URIError();
      pairs[decodeURIComponent(pair.slice(0, at).trim())] = decodeURIComponent(pair.slice(at + 1).trim());
    } catch {
      // Without the value: a header can be a credential.
      throw unusable(`${name} is not written as name=value,name=value.`, "Values are percent-encoded.");
    }
  }
  return pairs;
}

const unusable = (message: string, advice: string) => new OximyError("OXIMY_E_CONFIG", message, advice);
