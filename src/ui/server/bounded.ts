/** Limits the size of a call sent to the page: an event may have megabytes in the place of a name. */

import { isObject } from "../../interaction/json.js";

/** Most characters, by the name of the member. */
const MOST: { readonly [member: string]: number } = {
  text: 200_000,
  given: 200_000,
  before: 20_000,
  after: 20_000,
  error: 2_000,
  url: 2_000,
};
const MOST_OTHERWISE = 200;
/** Most elements of a list: tools, messages, changed fields. */
const MEMBERS = 2_000;

/** A copy with long texts cut and marked; the raw event has everything. Not for deeply nested values. */
export function bounded(value: unknown, member = ""): unknown {
  if (typeof value === "string")
    return cut(value, Object.hasOwn(MOST, member) ? MOST[member]! : MOST_OTHERWISE);
  if (Array.isArray(value)) return value.slice(0, MEMBERS).map((element) => bounded(element, member));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, bounded(inner, name)]));
}

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most)} … ${text.length - most} characters more`;
