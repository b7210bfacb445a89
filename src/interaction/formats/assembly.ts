/** Values that grow while the chunks of a stream are read. */

import { isObject, type JsonObject, numberOf, objectOf, wordOf } from "../json.js";

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
    } else if (key === "tool_calls" && Array.isArray(value) && depth < MAX_DEPTH) {
      target[key] = mergeCalls(Array.isArray(current) ? current : [], value, depth + 1);
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

/**
 * Pieces of tool calls. Servers leave out the index, the id, or both, or give each call the same index: a piece with
 * neither goes on with the call before it, one with another id and a name begins a call.
 */
function mergeCalls(calls: unknown[], pieces: readonly unknown[], depth: number): unknown[] {
  for (const piece of pieces) {
    if (!isObject(piece)) continue;
    const known = callOf(calls, piece);
    if (known) mergeDelta(known, piece, depth);
    else calls.push(mergeDelta({}, piece, depth));
  }
  return calls;
}

function callOf(calls: readonly unknown[], piece: JsonObject): Growing | undefined {
  const index = numberOf(piece.index);
  const id = wordOf(piece.id);
  const known = calls.filter(isObject);
  const begins = wordOf(objectOf(piece.function ?? piece.custom).name) !== undefined;
  const found =
    known.findLast((call) => id !== undefined && call.id === id) ??
    (index === undefined ? undefined : known.findLast((call) => call.index === index)) ??
    (index === undefined && id === undefined && !begins ? known.at(-1) : undefined);
  const isOther = begins && id !== undefined && found?.id !== undefined && found.id !== id;
  return isOther ? undefined : (found as Growing | undefined);
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
