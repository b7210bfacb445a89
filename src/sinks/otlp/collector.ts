/**
 * Sends requests to a collector, one at a time, until each is accepted or permanently rejected: OTLP/HTTP 1.5
 * (https://opentelemetry.io/docs/specs/otlp/#otlphttp), where 429, 502, 503 and 504 are retryable. Redirects are not
 * followed, and proxy variables are ignored.
 */

import { readFileSync } from "node:fs";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { gzipSync } from "node:zlib";
import type { OtlpSettings, Signal } from "../../user/otlp-settings.js";
import { type Attempt, type Outcome, Retry, type RetryOptions } from "../export/retry.js";

export interface CollectorOptions
  extends Pick<OtlpSettings, "endpoints" | "headers" | "compression" | "timeoutMs">,
    RetryOptions {
  readonly certificate?: string;
  readonly version: string;
}

const RETRIED = new Set([429, 502, 503, 504]);
/** Upper limit for a collector's Retry-After. */
const LONGEST_RETRY_AFTER_MS = 600_000;
const MAX_ANSWER = 64 << 10;

interface Answer {
  readonly status: number;
  readonly retryAfterMs?: number;
}

export class Collector {
  private readonly options: CollectorOptions;
  private readonly agents: { readonly http: HttpAgent; readonly https: HttpsAgent };
  private readonly retry: Retry;

  constructor(options: CollectorOptions) {
    this.options = options;
    this.retry = new Retry(options);
    const { certificate } = options;
    const roots = certificate === undefined ? {} : { ca: readFileSync(certificate) };
    const kept = { keepAlive: true, maxSockets: 1 };
    this.agents = { http: new HttpAgent(kept), https: new HttpsAgent({ ...kept, ...roots }) };
  }

  /** Never rejects. */
  async send(signal: Signal, body: Uint8Array): Promise<Outcome> {
    const endpoint = this.options.endpoints[signal];
    if (endpoint === undefined) return { kind: "taken" };
    const bytes = this.options.compression === "gzip" ? gzipSync(body) : body;
    return this.retry.until(async () => attemptOf(await this.post(endpoint, bytes)));
  }

  close(): void {
    this.agents.http.destroy();
    this.agents.https.destroy();
  }

  private post(endpoint: string, body: Uint8Array): Promise<Answer> {
    const { headers, compression, timeoutMs, version, stop } = this.options;
    const isTls = endpoint.startsWith("https:");
    const limit = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]);
    return new Promise((resolve, reject) => {
      const request = (isTls ? httpsRequest : httpRequest)(
        endpoint,
        {
          method: "POST",
          agent: isTls ? this.agents.https : this.agents.http,
          signal: limit,
          headers: {
            "user-agent": `oximy/${version}`,
            ...headers,
            "content-type": "application/x-protobuf",
            "content-length": body.length,
            ...(compression === "gzip" && { "content-encoding": "gzip" }),
          },
        },
        (response) => answerOf(response).then(resolve, reject),
      );
      request.once("error", reject);
      request.end(body);
    });
  }
}

function attemptOf({ status, retryAfterMs }: Answer): Attempt {
  if (status >= 200 && status < 300) return { kind: "taken" };
  if (status === 413) return { kind: "too_large" };
  if (!RETRIED.has(status)) return { kind: "refused", why: `it answered ${status}` };
  const why = `it answers ${status}`;
  return { kind: "later", why, ...(retryAfterMs !== undefined && { afterMs: retryAfterMs }) };
}

/** Reads the body to its end, so that the connection can be reused; a long one is aborted instead. */
async function answerOf(response: IncomingMessage): Promise<Answer> {
  let length = 0;
  for await (const chunk of response) {
    length += (chunk as Buffer).length;
    if (length > MAX_ANSWER) {
      response.destroy();
      break;
    }
  }
  const retryAfterMs = retryAfterOf(response.headers["retry-after"]);
  return { status: response.statusCode ?? 0, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** Seconds or a date (RFC 9110 §10.2.3). */
export function retryAfterOf(text: string | undefined, now = Date.now()): number | undefined {
  if (text === undefined) return undefined;
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(wait) ? Math.min(Math.max(0, wait), LONGEST_RETRY_AFTER_MS) : undefined;
}
