/** Values that grow while the chunks of a stream are read. */

import { isObject, numberOf } from "../json.js";

export type Growing = Record<string, unknown>;

/**
 * Puts a delta onto what is there, as OpenAI's chunks are meant: strings are appended, lists are joined by their
 * elements' `index`, objects go deep, all else replaces. `ATOMIC` names are never appended: some servers repeat
 * them in each chunk.
 */
export function mergeDelta(target: Growing, delta: object, depth = 0): Growing {
  for (const [key, value] of Object.entries(delta)) {
    if (value === null || value === undefined || key === "__proto__") continue;
    const current = target[key];
    if (typeof value === "string" && typeof current === "string") {
      target[key] = ATOMIC.has(key) ? value || current : current + value;
    } else if (typeof value === "string" && Array.isArray(current)) {
      if (value !== "") current.push({ type: "text", text: value }); // Mistral: thoughts as parts, then plain text
    } else if (Array.isArray(value) && depth < MAX_DEPTH) {
      target[key] = mergeList(listOfParts(current), value, depth + 1);
    } else if (isObject(value) && depth < MAX_DEPTH) {
      target[key] = mergeDelta(isObject(current) ? (current as Growing) : {}, value, depth + 1);
    } else target[key] = value;
  }
  return target;
}

const ATOMIC = new Set(["role", "id", "type", "name", "index", "model", "object", "finish_reason"]);
const MAX_DEPTH = 8;

function listOfParts(current: unknown): unknown[] {
  if (Array.isArray(current)) return current;
  return typeof current === "string" && current !== "" ? [{ type: "text", text: current }] : [];
}

function mergeList(list: unknown[], delta: readonly unknown[], depth: number): unknown[] {
  for (const element of delta) {
    const index = isObject(element) ? numberOf(element.index) : undefined;
    const same =
      index === undefined ? -1 : list.findIndex((known) => isObject(known) && known.index === index);
    const known = same < 0 ? undefined : list[same];
    if (!isObject(element)) list.push(element);
    else if (isObject(known)) mergeDelta(known as Growing, element, depth);
    else list.push(mergeDelta({}, element, depth));
  }
  return list;
}
