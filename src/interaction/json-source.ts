/**
 * Keeps the JSON text a value was parsed from. As long as the value is not modified, its text can be used for searching
 * and writing, which is many times faster than traversing the value.
 */

import { isNestedDeeper } from "./json.js";

const sources = new WeakMap<object, string>();

/** Code that traverses values stops at depth 200. */
const MAX_DEPTH = 190;

/**
 * Keeps the text of a value that will not be modified. Texts of several lines are not kept: events are single lines.
 */
export function keepSource(value: unknown, text: string): void {
  if (typeof value !== "object" || value === null || isNestedDeeper(text, MAX_DEPTH)) return;
  if (!text.includes("\n") && !text.includes("\r")) sources.set(value, text);
}

/** Keeps the text of a list, built from the texts of its elements. */
export function keepListSource(list: readonly unknown[], texts: readonly string[]): void {
  if (texts.some((text) => isNestedDeeper(text, MAX_DEPTH))) return;
  const joined = texts.join(",");
  if (!joined.includes("\n") && !joined.includes("\r")) sources.set(list, `[${joined}]`);
}

/** Declares that the copy equals the original. */
export function shareSource(original: object, copy: object): void {
  const source = sources.get(original);
  if (source !== undefined) sources.set(copy, source);
}

/** The value's JSON text on one line, if it is known. */
export function sourceOf(value: object): string | undefined {
  return sources.get(value);
}
