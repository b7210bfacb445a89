/** Credentials that follow a name or keyword without an assignment sign. */

import { NAME, NO_VALUE } from "./secret-assigned.js";
import { judgeName, mayEndSecretName } from "./secret-names.js";
import { looksRandom, MARK } from "./secret-values.js";
import type { Span } from "./span.js";

/** Searched for separately, since it contains none of the signs that are searched for. */
export const REQUIREPASS = "requirepass ";

interface Statement {
  readonly word: string;
  /** Position of the sign in the keyword. */
  readonly sign: number;
  readonly first: number;
  readonly last: number;
}

function statement(word: string, sign: string): Statement {
  return {
    word,
    sign: word.indexOf(sign),
    first: word.charCodeAt(0),
    last: word.charCodeAt(word.length - 1),
  };
}

/** Keywords of statements and commands that precede a password, by a sign in them. */
const AT_QUOTE = [statement("PASSWORD '", "'"), statement("IDENTIFIED BY '", "'")];
const AT_DASH = [
  statement("ConvertTo-SecureString ", "-"),
  statement("-storepass ", "-"),
  statement("-keypass ", "-"),
];
const AT_EQUALS = [statement("psk=", "=")];

const VALUE = /(?:\\{0,3}["'])?([^\s"'\\;]{6,256})/y;

/** End of the keyword whose sign (`'`, `-` or `=`) is there; -1 when there is none. */
export function endOfStatement(text: string, at: number): number {
  const code = text.charCodeAt(at);
  const statements = code === 0x27 ? AT_QUOTE : code === 0x2d ? AT_DASH : AT_EQUALS;
  for (const { word, sign, first, last } of statements) {
    const start = at - sign;
    const end = start + word.length;
    if (text.charCodeAt(start) !== first || text.charCodeAt(end - 1) !== last) continue;
    if (text.startsWith(word, start)) return end;
  }
  return -1;
}

/** The credential after the keyword whose sign is there. */
export function secretOfStatement(text: string, at: number): Span | undefined {
  const end = endOfStatement(text, at);
  return end < 0 ? undefined : valueAt(text, end);
}

/** `requirepass PASSWORD` (Redis). */
export function secretOfRequirepass(text: string, at: number): Span | undefined {
  return valueAt(text, at + REQUIREPASS.length);
}

const MAX_NAME = 64;
const NEXT_ARGUMENT = /\\{0,3}["'], {0,8}(?=\\{0,3}["'])/y;

/** `define("DB_PASSWORD", "VALUE")`: the argument after a name whose closing quote is there. */
export function secretOfArgument(text: string, quote: number): Span | undefined {
  let end = quote;
  while (quote - end < 3 && text.charCodeAt(end - 1) === 0x5c) end -= 1;
  if (!mayEndSecretName(text, end)) return undefined;
  NEXT_ARGUMENT.lastIndex = end;
  if (!NEXT_ARGUMENT.test(text)) return undefined;
  let start = end;
  while (end - start < MAX_NAME && NAME[text.charCodeAt(start - 1)] === 1) start -= 1;
  // In quotes, and not a word in a list.
  if (NO_VALUE[text.charCodeAt(start - 1)] !== 1) return undefined;
  const verdict = judgeName(text.slice(start, end));
  const isTelling = verdict === "password" || verdict === "secret" || verdict === "variable";
  return isTelling ? valueAt(text, NEXT_ARGUMENT.lastIndex) : undefined;
}

function valueAt(text: string, at: number): Span | undefined {
  VALUE.lastIndex = at;
  const value = VALUE.exec(text)?.[1];
  if (value === undefined || value.endsWith(MARK) || /[(){}<>$]/.test(value)) return undefined;
  return looksRandom(value) ? { start: VALUE.lastIndex - value.length, end: VALUE.lastIndex } : undefined;
}
