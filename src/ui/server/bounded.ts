/** Bounds what a page is told of a call: an event may have megabytes where a name is meant. */

import { isObject } from "../../interaction/json.js";

/** Characters by the name of the member; of all others, as names have them. */
const MOST: { readonly [member: string]: number } = {
  text: 200_000,
  given: 200_000,
  before: 20_000,
  after: 20_000,
  error: 2_000,
  url: 2_000,
};
const OF_NAMES = 200;
/** Tools, messages, changed fields: nobody reads more of them. */
const MEMBERS = 2_000;

/** A copy in which what was cut says so; the event itself has the whole. Not for values that are nested without end. */
export function bounded(value: unknown, member = ""): unknown {
  if (typeof value === "string") return cut(value, Object.hasOwn(MOST, member) ? MOST[member]! : OF_NAMES);
  if (Array.isArray(value)) return value.slice(0, MEMBERS).map((element) => bounded(element, member));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, bounded(inner, name)]));
}

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most)} … ${text.length - most} characters more`;
