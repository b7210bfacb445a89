/** Credentials that stand after a name or a word without a sign of assignment. */

import { NAME, NO_VALUE } from "./secret-assigned.js";
import { judgeName, mayEndSecretName } from "./secret-names.js";
import { looksRandom, MARK } from "./secret-values.js";
import type { Span } from "./span.js";

/** Words of statements and commands that a password follows, each searched for as it is. */
export const STATEMENTS = [
  "PASSWORD '",
  "IDENTIFIED BY '",
  "requirepass ",
  "ConvertTo-SecureString ",
  "-storepass ",
  "-keypass ",
  "psk=",
] as const;

const VALUE = /(?:\\{0,3}["'])?([^\s"'\\;]{6,256})/y;

/** What follows one of the words. */
export function secretOfStatement(text: string, at: number): Span | undefined {
  const word = STATEMENTS.find((statement) => text.startsWith(statement, at));
  return word === undefined ? undefined : valueAt(text, at + word.length);
}

const MAX_NAME = 64;
const NEXT_ARGUMENT = /\\{0,3}["'], {0,8}(?=\\{0,3}["'])/y;

/** `define("DB_PASSWORD", "VALUE")`: the argument after one that is a name, whose quotation ends there. */
export function secretOfArgument(text: string, quote: number): Span | undefined {
  let end = quote;
  while (quote - end < 3 && text.charCodeAt(end - 1) === 0x5c) end -= 1;
  if (!mayEndSecretName(text, end)) return undefined;
  NEXT_ARGUMENT.lastIndex = end;
  if (!NEXT_ARGUMENT.test(text)) return undefined;
  let start = end;
  while (end - start < MAX_NAME && NAME[text.charCodeAt(start - 1)] === 1) start -= 1;
  // Within quotes, and no word of a list.
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
