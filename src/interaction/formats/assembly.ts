/** Assembles values from the chunks of a stream. */

import { isObject, type JsonObject, numberOf, objectOf, wordOf } from "../json.js";

export type Growing = Record<string, unknown>;

/**
 * Merges a delta into the target with the semantics of OpenAI's chunks: strings are appended, lists are merged by their
 * elements' `index`, objects recursively, everything else is replaced. `ATOMIC` names are never appended: some servers
 * repeat them in each chunk.
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
 * Merges pieces of tool calls. Servers omit the index, the id, or both, or use the same index for all calls: a piece
 * with neither continues the previous call, one with another id and a name starts a new call.
 */
function mergeCalls(calls: unknown[], pieces: readonly unknown[], depth: number): unknown[] {
  const places = placesOf(calls);
  for (const piece of pieces) {
    if (!isObject(piece)) continue;
    const known = callOf(places, piece);
    const at = known?.at ?? calls.length;
    const element = mergeDelta(known?.element ?? {}, piece, depth);
    if (!known) calls.push(element);
    places.note({ element, at });
  }
  return calls;
}

function callOf(places: Places, piece: JsonObject): Place | undefined {
  const index = numberOf(piece.index);
  const id = wordOf(piece.id);
  const begins = wordOf(objectOf(piece.function ?? piece.custom).name) !== undefined;
  const found =
    (id === undefined ? undefined : places.withId(id)) ??
    (index === undefined ? undefined : places.lastAt(index)) ??
    (index === undefined && id === undefined && !begins ? places.last : undefined);
  const isOther = begins && id !== undefined && found?.element.id !== undefined && found.element.id !== id;
  return isOther ? undefined : found;
}

function mergeList(list: unknown[], delta: readonly unknown[], depth: number): unknown[] {
  const places = placesOf(list);
  for (const element of delta) {
    const index = isObject(element) ? numberOf(element.index) : undefined;
    const known = index === undefined ? undefined : places.firstAt(index);
    if (!isObject(element)) list.push(element);
    else if (known) mergeDelta(known.element, element, depth);
    else {
      const made = mergeDelta({}, element, depth);
      places.note({ element: made, at: list.length });
      list.push(made);
    }
  }
  return list;
}

/** Assigns the members of an object in place. Copying for each chunk would take quadratic time. */
export function assign(target: Growing, source: JsonObject): void {
  for (const name of Object.keys(source)) if (name !== "__proto__") target[name] = source[name];
}

/** Lists created here, not taken from a chunk. */
const grown = new WeakSet<readonly unknown[]>();

/** A list member that can be appended to in place; a list taken from a chunk is copied first. */
export function listIn(target: Growing, name: string): unknown[] {
  const list = target[name];
  if (Array.isArray(list) && grown.has(list)) return list;
  const own: unknown[] = Array.isArray(list) ? [...list] : [];
  grown.add(own);
  target[name] = own;
  return own;
}

/** Appends values to a list member. */
export function addTo(target: Growing, name: string, values: readonly unknown[]): void {
  const list = listIn(target, name);
  for (const value of values) list.push(value);
}

interface Place {
  readonly element: Growing;
  /** Its index in the list. */
  readonly at: number;
}

/** Index of list elements by their ids, since a stream may start as many elements as it has chunks. */
class Places {
  last: Place | undefined;
  private readonly ids = new Map<string, Place>();
  private readonly lastOnes = new Map<number, Place>();
  private readonly firstOnes = new Map<number, Place>();

  /** Call it when an element is added, or its id changes. */
  note(place: Place): void {
    const { element, at } = place;
    const id = wordOf(element.id);
    const index = numberOf(element.index);
    if (at >= (this.last?.at ?? 0)) this.last = place;
    if (id !== undefined && at >= (this.withId(id)?.at ?? 0)) this.ids.set(id, place);
    if (index === undefined) return;
    if (at >= (this.lastAt(index)?.at ?? 0)) this.lastOnes.set(index, place);
    if (this.firstAt(index) === undefined) this.firstOnes.set(index, place);
  }

  /** The last element with this id; one whose id has changed since does not count. */
  withId(id: string): Place | undefined {
    const place = this.ids.get(id);
    return place?.element.id === id ? place : undefined;
  }

  lastAt(index: number): Place | undefined {
    const place = this.lastOnes.get(index);
    return place?.element.index === index ? place : undefined;
  }

  firstAt(index: number): Place | undefined {
    const place = this.firstOnes.get(index);
    return place?.element.index === index ? place : undefined;
  }
}

const placesByList = new WeakMap<readonly unknown[], Places>();

function placesOf(list: readonly unknown[]): Places {
  const found = placesByList.get(list);
  if (found) return found;
  const places = new Places();
  for (const [at, element] of list.entries())
    if (isObject(element)) places.note({ element: element as Growing, at });
  placesByList.set(list, places);
  return places;
}
