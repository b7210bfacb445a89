/** Where telemetry goes, and what of it: `--otlp`, and the variables of OpenTelemetry's specification. */

import { OximyError } from "../errors.js";

export const SIGNALS = ["traces", "logs", "metrics"] as const;
export type Signal = (typeof SIGNALS)[number];

/** Plain data: it crosses processes. Headers may hold credentials: it is never an argument or a variable of one. */
export interface OtlpSettings {
  /** A whole address for each signal that is sent. */
  readonly endpoints: Readonly<Partial<Record<Signal, string>>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly compression: "gzip" | "none";
  /** Of one request. */
  readonly timeoutMs: number;
  /** A file of roots (PEM) against which the collector is verified, in the place of the system's. */
  readonly certificate?: string;
  /** Attributes of all resources, as OTEL_RESOURCE_ATTRIBUTES has them. */
  readonly resource: Readonly<Record<string, string>>;
  readonly temporality: "cumulative" | "delta";
  /** What was said and answered, too. */
  readonly content: boolean;
  /** The conventions' names: of the commit that mapping.ts tells, or those of their versions 1.37 to 1.40. */
  readonly names: OtlpNames;
}

export type OtlpNames = "latest" | "1.40";

const DEFAULT_TIMEOUT_MS = 10_000;

export interface OtlpWish {
  /** `--otlp`: the collector's address, to which `/v1/traces` and the others are added. */
  readonly url?: string;
  readonly content: boolean;
  readonly names: OtlpNames;
}

/**
 * Undefined when nothing asks for it. Variables are those of
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and …/configuration/sdk-environment-variables/; an address
 * that was given by flag goes before theirs.
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
    throw unusable(`The collector's address ${text} is no http(s) URL.`, "Such as http://localhost:4318");
  }
  return new URL(text);
}

function requireProtocol(env: NodeJS.ProcessEnv): void {
  const protocol = env.OTEL_EXPORTER_OTLP_PROTOCOL;
  if (!protocol || protocol === "http/protobuf") return;
  throw unusable(
    `OTEL_EXPORTER_OTLP_PROTOCOL is ${protocol}, and http/protobuf is all that is sent.`,
    "Collectors listen for it on port 4318.",
  );
}

function timeoutOf(env: NodeJS.ProcessEnv): number {
  const text = env.OTEL_EXPORTER_OTLP_TIMEOUT;
  if (!text) return DEFAULT_TIMEOUT_MS;
  const value = Number(text);
  if (value > 0) return value;
  throw unusable(`OTEL_EXPORTER_OTLP_TIMEOUT is no number of milliseconds: ${text}.`, "Such as 10000");
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
      // Not what it holds: a header can be a credential.
      throw unusable(`${name} is not written as name=value,name=value.`, "Values are percent-encoded.");
    }
  }
  return pairs;
}

const unusable = (message: string, advice: string) => new OximyError("OXIMY_E_CONFIG", message, advice);
