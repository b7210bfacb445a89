/** Fetches the bundle. The certificate is always verified; size, time and redirects are limited. */

import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { createGunzip } from "node:zlib";
import { OximyError } from "../errors.js";
import { MAX_BUNDLE_BYTES, tooLarge } from "./document.js";
import { LOOPBACK_HOSTS } from "./host-name.js";

export interface FetchOptions {
  /** Of the cached copy. */
  readonly etag?: string;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string;
  /** Total timeout in milliseconds; 10,000 when absent. */
  readonly timeout?: number;
  /** Cancels the fetch. */
  readonly signal?: AbortSignal;
}

export type Fetched =
  | { readonly kind: "fetched"; readonly document: string; readonly etag?: string }
  | { readonly kind: "not_modified" };

const MAX_REDIRECTS = 3;
const DEFAULT_TIMEOUT = 10_000;
const ADVICE = "Check the network and --bundle-url, or use --bundle-file.";

/** @throws OximyError OXIMY_E_BUNDLE_FETCH, OXIMY_E_BUNDLE_TOO_LARGE */
export async function fetchDocument(url: string, options: FetchOptions = {}): Promise<Fetched> {
  const timeout = AbortSignal.timeout(options.timeout ?? DEFAULT_TIMEOUT);
  const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout;
  try {
    return await follow(url, { ...options, signal }, MAX_REDIRECTS);
  } catch (cause) {
    if (cause instanceof OximyError) throw cause;
    const why = timeout.aborted
      ? "the request timed out"
      : cause instanceof Error
        ? cause.message
        : String(cause);
    throw new OximyError(
      "OXIMY_E_BUNDLE_FETCH",
      `The bundle could not be fetched from ${url}: ${why}.`,
      ADVICE,
      { cause },
    );
  }
}

async function follow(address: string, options: FetchOptions, redirectsLeft: number): Promise<Fetched> {
  const url = secureUrl(address);
  const response = await get(url, options);
  const { statusCode = 0, headers } = response;
  if (statusCode === 304) {
    response.resume();
    return { kind: "not_modified" };
  }
  if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
    response.destroy();
    if (redirectsLeft === 0) throw new Error("too many redirects");
    return follow(new URL(headers.location, url).href, options, redirectsLeft - 1);
  }
  if (statusCode !== 200) {
    response.destroy();
    throw new Error(`the server answered ${statusCode}`);
  }
  const document = await textOf(response, `The bundle of ${address}`);
  return { kind: "fetched", document, ...(headers.etag !== undefined && { etag: headers.etag }) };
}

/** The bundle decides what is decrypted, so it must not be modified in transit. */
function secureUrl(address: string): URL {
  if (!URL.canParse(address)) throw new Error("it is not a valid URL");
  const url = new URL(address);
  const isLocal = url.protocol === "http:" && LOOPBACK_HOSTS.has(url.hostname.replace(/^\[|\]$/g, ""));
  if (url.protocol !== "https:" && !isLocal) throw new Error("only https:// is allowed");
  return url;
}

function get(url: URL, { etag, ca, signal }: FetchOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = {
      accept: "application/json",
      "accept-encoding": "gzip",
      ...(etag !== undefined && { "if-none-match": etag }),
    };
    const shared = { headers, agent: false as const, ...(signal && { signal }) };
    const request =
      url.protocol === "https:"
        ? // Set explicitly, so that NODE_TLS_REJECT_UNAUTHORIZED has no effect.
          httpsRequest(url, { ...shared, rejectUnauthorized: true, ...(ca !== undefined && { ca }) })
        : httpRequest(url, shared);
    request.once("response", resolve);
    request.once("error", reject);
    request.end();
  });
}

async function textOf(response: IncomingMessage, name: string): Promise<string> {
  const isGzip = response.headers["content-encoding"] === "gzip";
  const stream = isGzip ? response.pipe(createGunzip()) : response;
  if (isGzip) response.once("error", (error) => stream.destroy(error));
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BUNDLE_BYTES) {
      response.destroy();
      throw tooLarge(name);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
