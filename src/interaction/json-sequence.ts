import { endOfString, parseJson, parseLoosely } from "./json.js";

/** JSON texts that stand one after another, and JSON whose end is missing. One scanner for both. */

/** Messages, events or records kept of one stream. The longest answers have 128,000 tokens, some an event for each. */
export const MAX_CHUNKS = 200_000;
/** Brackets, commas and strings looked at of a text without an end. */
const MAX_TOKENS = 500_000;

const OPEN = /[{[]/g;
/** Characters that change the nesting depth, or start a string. */
const STRUCTURE = /["{}[\]]/g;

/** Index after the bracket that closes the one at `start`; -1 when it is not closed. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  for (;;) {
    STRUCTURE.lastIndex = at;
    const found = STRUCTURE.exec(text);
    if (!found) return -1;
    at = found.index + 1;
    if (found[0] === '"') {
      at = endOfString(text, at);
      if (at < 0) return -1;
    } else if (found[0] === "{" || found[0] === "[") depth++;
    else if (--depth === 0) return at;
  }
}

export interface JsonSequence {
  readonly values: readonly unknown[];
  /** Start of the first unterminated value; absent when all are complete. */
  readonly openFrom?: number;
  /** True when there are more values than the limit. */
  readonly cut?: boolean;
}

/**
 * All top-level objects and arrays in the text, whatever separates them: line feeds, nothing at
 * all (`}{`), lengths, or boundary words.
 */
export function readJsonSequence(text: string): JsonSequence {
  const values: unknown[] = [];
  let looks = 0;
  let at = 0;
  for (;;) {
    OPEN.lastIndex = at;
    const start = OPEN.exec(text)?.index;
    if (start === undefined) return { values };
    const end = endOfValue(text, start);
    if (end < 0) return { values, openFrom: start };
    const { value } = parseLoosely(text.slice(start, end));
    // Brackets without JSON inside are prose between two records.
    if (value !== undefined) values.push(value);
    if (++looks >= MAX_CHUNKS) return { values, cut: true };
    at = end;
  }
}

/** A bracket alone does not indicate JSON: prose may start with one, too. */
const JSON_START = /^(?:\{\s*(?:["}]|$)|\[\s*(?:["{[\]\d-]|true|false|null|$))/;
const TOKEN = /["{}[\],:]/g;
/** An incomplete escape sequence at the end, after complete ones. */
const HALF_ESCAPE = /(?<!\\)((?:\\\\)*)\\(?:u[\da-fA-F]{0,3})?$/;

/**
 * Parses a truncated JSON text: complete members and elements, and the beginning of an incomplete string value.
 * `undefined` when nothing can be recovered.
 */
export function parseJsonPrefix(text: string): unknown {
  if (!JSON_START.test(text)) return undefined;
  const open: string[] = [];
  /** End of the longest prefix that becomes valid by closing the open brackets. */
  let whole = 0;
  let beforeValue = true;
  let tokens = 0;
  for (let at = 0; at >= 0 && tokens < MAX_TOKENS; tokens++) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (!found) break;
    const [token] = found;
    at = found.index + 1;
    if (token === '"') {
      at = endOfString(text, at);
      if (!beforeValue) continue;
      if (at < 0) return closeString(text.slice(found.index), text.slice(0, found.index), closersOf(open));
      whole = at;
    } else if (token === ",") whole = found.index;
    else if (token !== ":") {
      if (token === "{" || token === "[") open.push(token);
      else if (open.pop() === undefined) break;
      whole = at;
      if (open.length === 0) break;
    }
    beforeValue = token === ":" || open.at(-1) === "[";
  }
  return parseJson(text.slice(0, whole) + closersOf(open));
}

function closersOf(open: readonly string[]): string {
  return open
    .map((bracket) => (bracket === "{" ? "}" : "]"))
    .reverse()
    .join("");
}

function closeString(part: string, before: string, closers: string): unknown {
  return parseJson(`${before}${part.replace(HALF_ESCAPE, "$1")}"${closers}`);
}
