/**
 * The JSON text that a value was parsed of, kept beside the value: as long as the value is what it was, it can be
 * searched and written by its text, which is many times faster than by its parts.
 */

import { isNestedDeeper } from "./json.js";

const sources = new WeakMap<object, string>();

/** What searches values by their parts goes no deeper than 200. */
const MAX_DEPTH = 190;

/** Keeps the text of a value that nobody will change; not of several lines, for it has to fit on one. */
export function keepSource(value: unknown, text: string): void {
  if (typeof value !== "object" || value === null || isNestedDeeper(text, MAX_DEPTH)) return;
  if (!text.includes("\n") && !text.includes("\r")) sources.set(value, text);
}

/** Keeps the text of a list by the texts of its elements. */
export function keepListSource(list: readonly unknown[], texts: readonly string[]): void {
  if (texts.some((text) => isNestedDeeper(text, MAX_DEPTH))) return;
  const joined = texts.join(",");
  if (!joined.includes("\n") && !joined.includes("\r")) sources.set(list, `[${joined}]`);
}

/** The copy says the same as the original. */
export function shareSource(original: object, copy: object): void {
  const source = sources.get(original);
  if (source !== undefined) sources.set(copy, source);
}

/** The text of one line that says the same as the value, if it is known. */
export function sourceOf(value: object): string | undefined {
  return sources.get(value);
}
