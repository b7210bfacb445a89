/** Where the bundle comes from: the named file; a fresh cache; the URL; a stale cache; the embedded one. */

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
  /** `~/.oximy` of the calling user: the cache is there. */
  readonly home: string;
  /** When given, nothing else is read. */
  readonly file?: string;
  /** `DEFAULT_BUNDLE_URL` when absent. */
  readonly url?: string;
  /** Age in hours from which a cached document is asked for again. */
  readonly refreshHours?: number;
  /** `none` reads the bundle alone; our own facts are over it when absent. */
  readonly supplement?: SupplementUse;
  /** Epoch ms; `Date.now` when absent. */
  readonly now?: () => number;
}

/**
 * An unreachable or broken URL never fails: the next source is used, and `note` says so.
 *
 * @throws OximyError OXIMY_E_BUNDLE_UNREADABLE, _NOT_JSON, _NO_HOSTS, _TOO_LARGE for a named file only
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
    note: `${fetched.message} The bundle that comes with this version is used.`,
  };
}

/**
 * The same without asking anybody: the named file, the cache of any age, or the embedded one.
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
 * From the URL, and into the cache. A server that answers "not modified" confirms the cached copy.
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
    // A read-only home costs the cache, not the bundle.
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
    `The bundle could not be fetched from ${url}: the server says "not modified" to a first request.`,
    "Check --bundle-url, or give --bundle-file.",
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
    // A device or a pipe may never end.
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

/** A time in the future (the clock was set back) is no freshness: it would last for ever. */
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
