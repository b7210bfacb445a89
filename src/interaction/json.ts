/** Access to values of unknown shape. Nothing here throws. */

export type JsonObject = { readonly [key: string]: unknown };

const EMPTY: JsonObject = Object.freeze({});
const NONE: readonly unknown[] = Object.freeze([]);

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value if it is an object, else an empty one, so that paths can be followed. */
export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : EMPTY;
}

/** The value if it is a list, else an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : NONE;
}

export function stringOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The value if it is a non-empty string. */
export function wordOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function booleanOf(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

/** JSON nested deeper is not parsed: code that reads, redacts and writes it would overflow the stack. */
const MAX_NESTING = 500;

/** Limit of objects, lists and members in parsed JSON: each costs about fifty bytes and as many nanoseconds. */
const MAX_ELEMENTS = 1_000_000;
/** Limit of objects and lists, which cost more. */
const MAX_CONTAINERS = 200_000;

/** Parsed JSON, or `undefined` when it is invalid, or exceeds the limits above. */
export function parseJson(text: string): unknown {
  if (isNestedDeeper(text, MAX_NESTING) || hasTooManyElements(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // expected: the text may be anything
  }
}

/**
 * Parsed JSON; also accepts NaN and Infinity, which Python writes, as null. `exact` if the text is valid JSON of the
 * value.
 */
export function parseLoosely(text: string): { readonly value: unknown; readonly exact: boolean } {
  const value = parseJson(text);
  if (value !== undefined || !/NaN|Infinity/.test(text)) return { value, exact: value !== undefined };
  return { value: parseJson(withoutNonNumbers(text)), exact: false };
}

/** Replaces NaN and Infinity outside strings. */
function withoutNonNumbers(text: string): string {
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const end = quote < 0 ? text.length : quote;
    parts.push(text.slice(at, end).replace(/-?\b(?:NaN|Infinity)\b/g, "null"));
    if (quote < 0) break;
    const close = endOfString(text, quote + 1);
    parts.push(text.slice(quote, close < 0 ? text.length : close));
    at = close < 0 ? text.length : close;
  }
  return parts.join("");
}

/** Whether parsing would take far more memory than the text itself. */
function hasTooManyElements(text: string): boolean {
  // Each container and each element takes two characters: a short text cannot have that many.
  if (text.length < 2 * MAX_CONTAINERS) return false;
  let containers = 0;
  let elements = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22:
        at = endOfString(text, at + 1) - 1;
        if (at < 0) return false;
        break;
      case 0x2c: // ,
        if (++elements > MAX_ELEMENTS) return true;
        break;
      case 0x5b:
      case 0x7b:
        if (++containers > MAX_CONTAINERS) return true;
    }
  }
  return false;
}

/** Counts brackets outside strings; strings are skipped quickly, so long texts are cheap. */
export function isNestedDeeper(text: string, limit: number): boolean {
  // Each level takes two characters, one of which is an opening bracket.
  if (text.length <= 2 * limit || !hasMore(text, "{", "[", limit)) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // quote
        at = endOfString(text, at + 1) - 1;
        if (at < 0) return false;
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > limit) return true;
        break;
      case 0x5d:
      case 0x7d:
        depth--;
    }
  }
  return false;
}

/** Whether the two characters occur more than `limit` times in total, in strings or not. */
function hasMore(text: string, one: string, other: string, limit: number): boolean {
  let left = limit;
  for (const character of [one, other]) {
    for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) {
      if (--left < 0) return true;
    }
  }
  return false;
}

/** Index after the closing quote of the string whose content starts at `from`; -1 when it does not close. */
export function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (at - 1 - backslashes >= from && text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
  return -1;
}

/** Parsed if it is JSON, else the text as it is. */
export function jsonOrText(text: string): unknown {
  return parseJson(text) ?? text;
}

/** A copy without the keys whose value is undefined. */
export function present<T extends object>(value: T): T {
  const kept: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const field = (value as Record<string, unknown>)[key];
    if (field !== undefined && key !== "__proto__") kept[key] = field;
  }
  return kept as T;
}
