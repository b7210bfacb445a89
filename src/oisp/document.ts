/** Parses an untrusted document: size, depth and keys are checked before use. */

import { OximyError } from "../errors.js";

/** Published bundles are about 1 MB. */
export const MAX_BUNDLE_BYTES = 64 << 20;
/** Published bundles are nested 13 levels deep. */
const MAX_DEPTH = 64;

export type Entries = { readonly [key: string]: unknown };

/** Keys with a special meaning in JavaScript, and control characters, which terminals interpret. */
const FORBIDDEN_KEY = /^(?:__proto__|constructor|prototype)$|[\x00-\x1f\x7f-\x9f]/;
const ADVICE = "Check --bundle-file or --bundle-url, or leave them out to use the default bundle.";

/**
 * `name` denotes the document in errors.
 *
 * @throws OximyError OXIMY_E_BUNDLE_TOO_LARGE, OXIMY_E_BUNDLE_NOT_JSON
 */
export function parseDocument(text: string, name: string): unknown {
  if (Buffer.byteLength(text) > MAX_BUNDLE_BYTES) throw tooLarge(name);
  try {
    return JSON.parse(text.startsWith("\uFEFF") ? text.slice(1) : text);
  } catch (cause) {
    throw new OximyError("OXIMY_E_BUNDLE_NOT_JSON", `${name} is not JSON.`, ADVICE, { cause });
  }
}

/**
 * Rejects documents nested too deeply, and reports how many keys are dropped. Iterative, so that it cannot overflow the
 * stack itself.
 */
export function inspectDocument(document: unknown, name: string): string[] {
  let level: unknown[] = [document];
  let forbidden = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) {
      const message = `${name} is nested deeper than ${MAX_DEPTH} levels.`;
      throw new OximyError("OXIMY_E_BUNDLE_TOO_LARGE", message, ADVICE);
    }
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value !== "object" || value === null) continue;
      for (const [key, inner] of Object.entries(value)) {
        if (FORBIDDEN_KEY.test(key)) forbidden++;
        if (typeof inner === "object" && inner !== null) next.push(inner);
      }
    }
    level = next;
  }
  return forbidden === 0
    ? []
    : [`${forbidden} keys named __proto__, constructor or prototype, or with control characters.`];
}

export function tooLarge(name: string): OximyError {
  return new OximyError(
    "OXIMY_E_BUNDLE_TOO_LARGE",
    `${name} is larger than ${MAX_BUNDLE_BYTES >> 20} MiB.`,
    ADVICE,
  );
}

export function noHosts(name: string): OximyError {
  const message = `${name} has no usable hosts, so nothing would be captured.`;
  return new OximyError("OXIMY_E_BUNDLE_NO_HOSTS", message, ADVICE);
}

export function isRecord(value: unknown): value is Entries {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The entries of a map, without notes (`_…`) and forbidden keys. */
export function entriesOf(value: unknown): ReadonlyArray<readonly [key: string, value: unknown]> {
  if (!isRecord(value)) return [];
  return Object.entries(value).filter(([key]) => !key.startsWith("_") && !FORBIDDEN_KEY.test(key));
}

/** The value without forbidden keys, at any depth (which was checked before). */
export function withoutForbiddenKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutForbiddenKeys);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !FORBIDDEN_KEY.test(key))
      .map(([key, inner]) => [key, withoutForbiddenKeys(inner)]),
  );
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A string or a list of strings, as a list. */
export function textsOf(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : [value]).filter(
    (item): item is string => typeof item === "string" && item !== "",
  );
}
