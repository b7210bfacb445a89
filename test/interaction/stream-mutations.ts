/** Streams as servers get them wrong, or otherwise than the documentation: events changed, and their bytes. */

import { bytesOf, type Transcript } from "./transcripts.js";

type Content = NonNullable<Transcript["response"]>;
type Json = Record<string, unknown>;

/** A stream's events before they are bytes; `text` stands for data that is no JSON of JavaScript's. */
interface Event {
  readonly event?: string;
  readonly data: unknown;
}

export interface Mutated {
  readonly bytes: Buffer;
  /** What was done, in order. */
  readonly done: readonly string[];
}

/** mulberry32: the same mutations in each run. */
export function randomOf(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

type Random = (limit: number) => number;
type Change = (events: readonly Event[], random: Random) => readonly Event[];

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null;

/** Every object within, outermost first. */
function* objectsIn(value: unknown): Generator<Json> {
  if (!isJson(value)) return;
  if (!Array.isArray(value)) yield value;
  for (const inner of Object.values(value)) yield* objectsIn(inner);
}

function changed(events: readonly Event[], at: number, change: (data: unknown) => void): readonly Event[] {
  const copy = structuredClone(events) as Event[];
  if (copy[at]) change(copy[at].data);
  return copy;
}

function holding(events: readonly Event[], name: string): number[] {
  return events.flatMap(({ data }, at) => ([...objectsIn(data)].some((inner) => name in inner) ? [at] : []));
}

const insert = (events: readonly Event[], at: number, ...added: readonly Event[]) => [
  ...events.slice(0, at),
  ...added,
  ...events.slice(at),
];

/** Of the event that carries usage, one of its numbers or all of it. */
const USAGE = ["usage", "usageMetadata", "eval_count"];

const CHANGES: { readonly [name: string]: Change } = {
  "two events swapped": (events, random) => {
    const at = random(Math.max(1, events.length - 1));
    return [...events.slice(0, at), ...events.slice(at, at + 2).reverse(), ...events.slice(at + 2)];
  },
  "an event lost": (events, random) => {
    const at = random(events.length);
    return [...events.slice(0, at), ...events.slice(at + 1)];
  },
  "usage repeated": (events, random) => {
    const places = USAGE.flatMap((name) => holding(events, name));
    const at = places[random(Math.max(1, places.length))];
    return at === undefined ? events : insert(events, at, structuredClone(events[at]!));
  },
  "a text in two pieces": (events, random) => {
    const places = events.flatMap((_, at) => (splitText(events[at]!) ? [at] : []));
    const at = places[random(Math.max(1, places.length))];
    const pieces = at === undefined ? undefined : splitText(events[at]!);
    return pieces && at !== undefined ? [...events.slice(0, at), ...pieces, ...events.slice(at + 1)] : events;
  },
  "an index missing": (events, random) => {
    const places = ["index", "output_index", "content_index"].flatMap((name) => holding(events, name));
    const at = places[random(Math.max(1, places.length))];
    if (at === undefined) return events;
    return changed(events, at, (data) => {
      for (const inner of objectsIn(data))
        for (const name of ["index", "output_index", "content_index"]) delete inner[name];
    });
  },
  "an unknown event": (events, random) =>
    insert(events, random(events.length), {
      data: { type: "x_new_event", event_type: "x", detail: { text: "not said", content: "not said" } },
    }),
  "unknown fields": (events, random) =>
    changed(events, random(events.length), (data) => {
      const inner = [...objectsIn(data)];
      const target = inner[random(Math.max(1, inner.length))];
      if (target) target.x_new_field = { text: "not said", usage: 7, index: 3 };
    }),
  "a number that is null": (events, random) => {
    const places = USAGE.flatMap((name) => holding(events, name));
    const at = places[random(Math.max(1, places.length))];
    if (at === undefined) return events;
    return changed(events, at, (data) => {
      const numbers = [...objectsIn(data)].flatMap((inner) =>
        Object.keys(inner).flatMap((key) => (/token|count/i.test(key) ? [[inner, key] as const] : [])),
      );
      const chosen = numbers[random(Math.max(1, numbers.length))];
      if (chosen) chosen[0][chosen[1]] = null;
    });
  },
  "an error in the middle": (events, random) =>
    insert(events, 1 + random(events.length), {
      event: "error",
      data: { type: "error", error: { type: "overloaded_error", code: "503", message: "Overloaded" } },
    }),
  "NaN in a field": (events, random) =>
    changed(events, random(events.length), (data) => {
      if (isJson(data) && !Array.isArray(data)) data.x_score = Number.NaN;
    }),
};

/** Gives the first text delta in two events. */
function splitText(event: Event): [Event, Event] | undefined {
  for (const name of ["content", "text", "delta", "partial_json", "arguments"]) {
    const [one, other] = [structuredClone(event), structuredClone(event)];
    const first = [...objectsIn(one.data)].find((inner) => isLong(inner[name]));
    const second = [...objectsIn(other.data)].find((inner) => isLong(inner[name]));
    // Whole answers, and what ends one, are no deltas.
    if (
      !first ||
      !second ||
      holding([event], "usage").length > 0 ||
      /done|completed/.test(String((event.data as Json).type))
    )
      continue;
    if (holding([event], "usageMetadata").length > 0 || holding([event], "finishReason").length > 0) continue;
    if (holding([event], "done_reason").length > 0 || holding([event], "item").length > 0) continue;
    if (holding([event], "part").length > 0 || holding([event], "functionCall").length > 0) continue;
    const text = first[name] as string;
    const middle = [...text].slice(0, Math.floor([...text].length / 2)).join("");
    first[name] = middle;
    second[name] = text.slice(middle.length);
    return [one, other];
  }
  return undefined;
}

const isLong = (value: unknown) => typeof value === "string" && value.length > 1;

/** Ways to write an event stream (WHATWG HTML §9.2). */
const WRITINGS: { readonly [name: string]: (text: string, random: Random) => string } = {
  "data: without space": (text) => text.replace(/^data: /gm, "data:"),
  CRLF: (text) => text.replace(/\n/g, "\r\n"),
  comments: (text) => text.replace(/\n\n/g, "\n\n: keep-alive\n\n"),
  "a byte order mark": (text) => `\uFEFF${text}`,
  "ids and retries": (text) => `retry: 100\n\n${text.replace(/^data:/gm, "id: 1\ndata:")}`,
  "no empty line at the end": (text) => text.replace(/\n+$/, "\n"),
};

function pick<Value>(table: { readonly [name: string]: Value }, random: Random): readonly [string, Value] {
  const entries = Object.entries(table);
  return entries[random(entries.length)]!;
}

/** One to three changes of the events, and half of the times another writing. */
export function mutate(response: Content, random: Random): Mutated {
  const isLines = response.lines !== undefined;
  let events: readonly Event[] = response.events ?? response.lines?.map((data) => ({ data })) ?? [];
  const done: string[] = [];
  for (let count = random(3); count >= 0; count--) {
    const [name, change] = pick(CHANGES, random);
    events = change(events, random);
    done.push(name);
  }
  const json = (data: unknown) => (typeof data === "string" ? data : stringify(data));
  if (isLines) return { bytes: Buffer.from(events.map(({ data }) => `${json(data)}\n`).join("")), done };
  let text = events
    .map(({ event, data }) => `${event === undefined ? "" : `event: ${event}\n`}data: ${json(data)}\n\n`)
    .join("");
  if (random(2) === 0) {
    const [name, write] = pick(WRITINGS, random);
    text = write(text, random);
    done.push(name);
  }
  return { bytes: Buffer.from(text), done };
}

/** As Python writes it: NaN stays. */
function stringify(data: unknown): string {
  const mark = "@NaN@";
  const text = JSON.stringify(data, (_, value) => (Number.isNaN(value) ? mark : value));
  return text.replaceAll(`"${mark}"`, "NaN");
}

export const unchanged = (response: Content): Buffer => bytesOf(response);
