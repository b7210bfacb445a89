/**
 * The JSON text that a value was parsed of, kept beside the value: as long as the value is what it was, it can be
 * searched and written by its text, which is many times faster than by its parts.
 */

import { isNestedDeeper } from "./json.js";

const sources = new WeakMap<object, string>();

/** What writes and searches values by their parts does not go deeper. */
const MAX_DEPTH = 150;

/** Keeps the text of a value that nobody will change. Text of several lines is not kept: it would not fit on one. */
export function keepSource(value: unknown, text: string): void {
  if (typeof value !== "object" || value === null || !isOneShallowLine(text)) return;
  sources.set(value, text);
}

export function isOneShallowLine(text: string): boolean {
  return !text.includes("\n") && !text.includes("\r") && !isNestedDeeper(text, MAX_DEPTH);
}

/** The text of one line that says the same as the value, if it is known. */
export function sourceOf(value: object): string | undefined {
  return sources.get(value);
}
