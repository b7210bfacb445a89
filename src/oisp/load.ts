/** Sources of the bundle, in order: the given file; a fresh cache; the URL; a stale cache; the embedded one. */

import { readFile, stat } from "node:fs/promises";
import { OximyError } from "../errors.js";
import type { LoadedBundle } from "./bundle.js";
import { type CachedDocument, readCache, writeCache } from "./cache.js";
import { MAX_BUNDLE_BYTES, tooLarge } from "./document.js";
import { EMBEDDED_LOCATION, embeddedDocument } from "./embedded.js";
import { type Fetched, type FetchOptions, fetchDocument } from "./fetch.js";
import { readBundleText } from "./parse.js";
import type { SupplementUse } from "./supplement.js";

export const DEFAULT_BUNDLE_URL = "https://oisp.dev/spec/v0.1/oisp-spec-bundle.json";
export const DEFAULT_REFRESH_HOURS = 24;

export interface LoadOptions extends Omit<FetchOptions, "etag"> {
  /** `~/.oximy` of the calling user, which contains the cache. */
  readonly home: string;
  /** When given, it is the only source. */
  readonly file?: string;
  /** `DEFAULT_BUNDLE_URL` when absent. */
  readonly url?: string;
  /** Age in hours at which a cached document is fetched again. */
  readonly refreshHours?: number;
  /** `none` uses the bundle alone; by default our own facts are applied over it. */
  readonly supplement?: SupplementUse;
  /** Epoch ms; `Date.now` when absent. */
  readonly now?: () => number;
}

/**
 * An unreachable or broken URL is not an error: the next source is used, and `note` has a message for the user.
 *
 * @throws OximyError OXIMY_E_BUNDLE_UNREADABLE, _NOT_JSON, _NO_HOSTS, _TOO_LARGE for a given file only
 */
export async function loadBundle(options: LoadOptions): Promise<LoadedBundle> {
  if (options.file !== undefined) return loadFile(options.file, options);
  const { home, url = DEFAULT_BUNDLE_URL } = options;
  const cached = await readCache(home, url);
  if (cached && isFresh(cached, options)) {
    const loaded = attempt(() => loadedFrom(cached, "cache", options));
    if (!(loaded instanceof Error)) return loaded;
  }
  const fetched = await fetchBundle(options).catch((error: unknown) => error);
  if (!(fetched instanceof Error)) return fetched as LoadedBundle;
  const stale = cached && attempt(() => loadedFrom(cached, "stale_cache", options));
  if (stale && !(stale instanceof Error)) {
    return {
      ...stale,
      note: `${fetched.message} The copy of ${new Date(stale.loadedAt!).toISOString()} is used.`,
    };
  }
  return {
    ...loadEmbedded(options.supplement),
    note: `${fetched.message} The bundle that ships with this version is used.`,
  };
}

/**
 * Loads a bundle without network access: the given file, the cache regardless of age, or the embedded one.
 *
 * @throws OximyError as `loadBundle`
 */
export async function loadBundleAtHand(options: LoadOptions): Promise<LoadedBundle> {
  if (options.file !== undefined) return loadFile(options.file, options);
  const cached = await readCache(options.home, options.url ?? DEFAULT_BUNDLE_URL);
  const loaded = cached && attempt(() => loadedFrom(cached, "cache", options));
  return loaded === undefined || loaded instanceof Error ? loadEmbedded(options.supplement) : loaded;
}

/**
 * Fetches the bundle from the URL and caches it. A "not modified" response confirms the cached copy.
 *
 * @throws OximyError
 */
export async function fetchBundle(options: LoadOptions): Promise<LoadedBundle> {
  const { home, url = DEFAULT_BUNDLE_URL, now = Date.now } = options;
  const cached = await readCache(home, url);
  // A cached copy that cannot be read must not be confirmed.
  const usable =
    cached && !(attempt(() => readBundleText(cached.document)) instanceof Error) ? cached : undefined;
  const fetched = await fetchDocument(url, {
    ...options,
    ...(usable?.etag !== undefined && { etag: usable.etag }),
  });
  const current = currentDocument(url, fetched, usable, now());
  const loaded = loadedFrom(current, "url", options);
  try {
    await writeCache(home, current);
    return loaded;
  } catch (error) {
    // With a read-only home the bundle is used, but not cached.
    return { ...loaded, note: `The bundle could not be cached: ${(error as Error).message}.` };
  }
}

export function loadEmbedded(supplement: SupplementUse = "over"): LoadedBundle {
  const document = embeddedDocument();
  const read = readBundleText(document, "The embedded bundle", supplement);
  return { ...read, document, origin: "embedded", location: EMBEDDED_LOCATION };
}

function currentDocument(
  url: string,
  fetched: Fetched,
  cached: CachedDocument | undefined,
  loadedAt: number,
): CachedDocument {
  if (fetched.kind === "fetched") {
    return {
      url,
      loadedAt,
      document: fetched.document,
      ...(fetched.etag !== undefined && { etag: fetched.etag }),
    };
  }
  if (cached) return { ...cached, loadedAt };
  throw new OximyError(
    "OXIMY_E_BUNDLE_FETCH",
    `The bundle could not be fetched from ${url}: the server responded "not modified" to an unconditional request.`,
    "Check --bundle-url, or use --bundle-file.",
  );
}

async function loadFile(file: string, { now = Date.now, supplement }: LoadOptions): Promise<LoadedBundle> {
  const document = await readDocumentFile(file);
  return {
    ...readBundleText(document, `The bundle ${file}`, supplement),
    document,
    origin: "file",
    location: file,
    loadedAt: now(),
  };
}

async function readDocumentFile(file: string): Promise<string> {
  try {
    const status = await stat(file);
    // Reading a device or a pipe might never end.
    if (!status.isFile()) throw new Error("it is not a regular file");
    if (status.size > MAX_BUNDLE_BYTES) throw tooLarge(`The bundle ${file}`);
    return await readFile(file, "utf8");
  } catch (cause) {
    if (cause instanceof OximyError) throw cause;
    const message = `The bundle ${file} cannot be read: ${(cause as Error).message}.`;
    const advice =
      "Give --bundle-file a bundle that you can read, or leave it out to use the default bundle.";
    throw new OximyError("OXIMY_E_BUNDLE_UNREADABLE", message, advice, { cause });
  }
}

function loadedFrom(
  cached: CachedDocument,
  origin: LoadedBundle["origin"],
  { supplement }: LoadOptions,
): LoadedBundle {
  const { url, document, loadedAt } = cached;
  const read = readBundleText(document, `The bundle of ${url}`, supplement);
  return { ...read, document, origin, location: url, loadedAt };
}

/** A time in the future (the clock was set back) does not count as fresh: it could stay so forever. */
function isFresh(
  cached: CachedDocument,
  { refreshHours = DEFAULT_REFRESH_HOURS, now = Date.now }: LoadOptions,
): boolean {
  const age = now() - cached.loadedAt;
  return age >= 0 && age < refreshHours * 3_600_000;
}

function attempt<Value>(make: () => Value): Value | Error {
  try {
    return make();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
