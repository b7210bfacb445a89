/**
 * Tells fast of most texts that no credential is in them. Places where one could be are found with `indexOf` of
 * single characters and short words, which is many times faster than a look at each character; what is found
 * there is judged as `findSecrets` does, or more suspiciously. A text that is held to be clean is clean.
 */

import { judgeEnding, judgeName, mayEndSecretName } from "./secret-names.js";
import {
  credentialOfHttp,
  keyAt,
  NAME,
  NAMED_FLAG,
  QUOTING,
  SHAPES,
  secretAssigned,
  secretAtDashes,
  startsDashes,
} from "./secrets.js";

/** Whether `findSecrets` could find anything in the text. */
export function mayHoldSecret(text: string): boolean {
  return (
    mayHoldKey(text) ||
    mayHoldHttpCredential(text) ||
    anyPlace(text, "--", (at) => startsDashes(text, at) && secretAtDashes(text, at) !== undefined) ||
    anyPlace(text, ":", (at) => secretAssigned(text, at) !== undefined) ||
    anyPlace(text, "=", (at) => secretAssigned(text, at) !== undefined)
  );
}

/**
 * Whether a credential, or a field whose name says that it is one, could be in the values of a JSON text. What
 * is escaped in the text does not hide it: where it could, the answer is yes.
 */
export function jsonMayHoldSecret(json: string): boolean {
  return (
    json.includes("\\u") ||
    json.includes("\\/") ||
    mayHoldKey(json) ||
    mayHoldHttpCredential(json) ||
    anyPlace(json, "--", (at) => startsDashes(json, at) && mayBeginSecretAtDashes(json, at)) ||
    anyPlace(json, ":", (at) => mayAssignSecret(json, at)) ||
    anyPlace(json, "=", (at) => mayAssignSecret(json, at))
  );
}

function anyPlace(text: string, mark: string, isSuspect: (at: number) => boolean): boolean {
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) {
    if (isSuspect(at)) return true;
  }
  return false;
}

/** Most keys have a dash or an underscore after their first characters. */
const MARKED_SHAPE = /^((?:[A-Za-z0-9]|\[[a-z-]+\])+)[-_]/;
/** The others: how they begin, and what of it is rare in texts. */
const UNMARKED: ReadonlyArray<readonly [head: string, rare: string]> = [
  ["AIza", "AIza"],
  ["AKIA", "AKIA"],
  ["ASIA", "ASIA"],
  ["ABSK", "ABSK"],
  ["SG.", "SG."],
  ["1//0", "//0"],
  ["ya29.", "29."],
  ["eyJ", "J"],
];
/** Nothing in it is rare. */
const DATABRICKS = /dapi[0-9a-f]{32}/;

/** How many characters before the mark a key can begin, in sets; by the two characters before it, which set. */
const LENGTHS: number[][] = [[]];
const LENGTHS_BY_PAIR = new Uint8Array(128 * 128);
for (const shape of SHAPES) {
  const head = MARKED_SHAPE.exec(shape)?.[1]?.match(/\[[a-z-]+\]|[A-Za-z0-9]/g);
  if (!head) continue;
  for (const one of charsOf(head.at(-2)!)) {
    for (const two of charsOf(head.at(-1)!)) {
      const pair = one * 128 + two;
      const known = LENGTHS[LENGTHS_BY_PAIR[pair]!]!;
      if (!known.includes(head.length)) LENGTHS_BY_PAIR[pair] = LENGTHS.push([...known, head.length]) - 1;
    }
  }
}

/** What one place of a shape matches: a character, or one of a class. */
function charsOf(place: string): number[] {
  const pattern = new RegExp(`^${place}$`);
  return Array.from({ length: 128 }, (_, code) => code).filter((code) =>
    pattern.test(String.fromCharCode(code)),
  );
}

function mayHoldKey(text: string): boolean {
  return (
    anyPlace(text, "-", (at) => mayBeMarkOfKey(text, at)) ||
    anyPlace(text, "_", (at) => mayBeMarkOfKey(text, at)) ||
    UNMARKED.some(([head, rare]) =>
      anyPlace(text, rare, (at) => {
        const start = at - head.indexOf(rare);
        return text.startsWith(head, start) && keyAt(text, start) !== undefined;
      }),
    ) ||
    DATABRICKS.test(text)
  );
}

function mayBeMarkOfKey(text: string, at: number): boolean {
  const one = text.charCodeAt(at - 2);
  const two = text.charCodeAt(at - 1);
  if (!(one < 128 && two < 128)) return false;
  const lengths = LENGTHS_BY_PAIR[one * 128 + two]!;
  return lengths > 0 && LENGTHS[lengths]!.some((length) => at >= length && keyAt(text, at - length));
}

const SCHEME = /(?:bearer|basic) /iy;

function mayHoldHttpCredential(text: string): boolean {
  const isSuspect = (at: number): boolean => {
    const next = text.charCodeAt(at + 1) | 0x20;
    if (next !== 0x65 && next !== 0x61) return false;
    SCHEME.lastIndex = at;
    return SCHEME.test(text) && credentialOfHttp(text, SCHEME.lastIndex) !== undefined;
  };
  return anyPlace(text, "b", isSuspect) || anyPlace(text, "B", isSuspect);
}

const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY/y;

function mayBeginSecretAtDashes(json: string, at: number): boolean {
  PRIVATE_KEY.lastIndex = at;
  NAMED_FLAG.lastIndex = at;
  const flag = NAMED_FLAG.exec(json)?.[1];
  return PRIVATE_KEY.test(json) || (flag !== undefined && judgeName(flag) !== "plain");
}

const BRACE = 0x7b;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
/** As long as the names that are judged. */
const WINDOW = 64;
const USER_INFO = /\/\/[^\s/@"']{4,400}@/y;

/** Does not ask what is assigned, but for `{`: a schema's `"password": {…}` is none. */
function mayAssignSecret(json: string, at: number): boolean {
  const next = json.charCodeAt(at + 1);
  if (next === SLASH) {
    USER_INFO.lastIndex = at + 1;
    return USER_INFO.test(json);
  }
  let end = at;
  while (QUOTING[json.charCodeAt(end - 1)] === 1) end -= 1;
  // The end of an escaped line feed or tab, which is white space between name and colon.
  if (json.charCodeAt(end - 2) === BACKSLASH) return true;
  if (!mayEndSecretName(json, end) || next === BRACE) return false;
  let start = end;
  while (end - start < WINDOW && NAME[json.charCodeAt(start - 1)] === 1) start -= 1;
  const name = json.slice(start, end);
  // `{"name": "api_key", "value": …}`
  if (name === "value" || judgeName(name) !== "plain") return true;
  const before = json.charCodeAt(start - 1);
  const isSpaced = before <= 0x20 || before > 127;
  return isSpaced && judgeEnding(json.slice(Math.max(0, end - WINDOW), end)) !== "plain";
}
