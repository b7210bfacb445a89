/** `name=value`, `name: value`, `"name": "value"`, also inside JSON strings; and other credentials after a colon. */

import { privateKeyAt } from "./private-keys.js";
import { judgeName, mayEndSecretName, type NameVerdict } from "./secret-names.js";
import { secretOfUrl } from "./secret-urls.js";
import { secretValue } from "./secret-value-at.js";
import { charCodes, LETTERS_AND_DIGITS, type Span } from "./span.js";

/** Characters allowed between a name and its `:` or `=`, and between that and the value. */
export const QUOTING = charCodes("\\\"'`] \t\r\n");
const VALUE_QUOTING = charCodes("\\\"'` \t\r\n");
/** Names aligned in columns are far from their signs. */
const MAX_QUOTING = 24;
/** Characters of a name. */
export const NAME = charCodes(`${LETTERS_AND_DIGITS}_.-`);
const MAX_NAME = 64;

const SLASH = 0x2f;
const COLON = 0x3a;
const EQUALS = 0x3d;
const GREATER = 0x3e;

export function secretAssigned(text: string, at: number): Span | undefined {
  const next = text.charCodeAt(at + 1);
  const isColon = text.charCodeAt(at) === COLON;
  if (isColon && next === SLASH) return secretOfUrl(text, at + 1);
  const special = secretWithSign(text, at);
  if (special !== undefined) return special;
  let nameEnd = at;
  // `:=` of Go
  if (!isColon && text.charCodeAt(at - 1) === COLON) nameEnd -= 1;
  while (at - nameEnd < MAX_QUOTING && QUOTING[text.charCodeAt(nameEnd - 1)] === 1) nameEnd -= 1;
  const last = text[nameEnd - 1];
  if ((last === "d" || last === "k") && text[nameEnd - 2] === '"') return keyOfJwk(text, at);
  if (!mayEndSecretName(text, nameEnd)) return undefined;
  let nameStart = nameEnd;
  while (nameEnd - nameStart < MAX_NAME && NAME[text.charCodeAt(nameStart - 1)] === 1) nameStart -= 1;
  // `\n` in a string of JSON
  if (text.charCodeAt(nameStart - 1) === 0x5c && /[nrt]/.test(text[nameStart]!)) nameStart += 1;
  const name = text.slice(nameStart, nameEnd);
  const verdict = name === "value" ? verdictOfPair(text, nameStart) : judgeName(name);
  if (verdict === "plain") return undefined;
  // `=>` of PHP and Ruby
  let valueStart = at + (!isColon && next === GREATER ? 2 : 1);
  const first = valueStart;
  while (valueStart - first < MAX_QUOTING && VALUE_QUOTING[text.charCodeAt(valueStart)] === 1)
    valueStart += 1;
  if (!hasValue(text, valueStart, verdict === "variable" || verdict === "ambiguous" ? 12 : 6))
    return undefined;
  // An escaped line feed or tab between name and value
  if (text.charCodeAt(valueStart - 1) === 0x5c && /[nrt]/.test(text[valueStart] ?? "")) return undefined;
  return secretValue(
    text,
    verdict,
    valueStart,
    surroundings(text, { name, nameStart, nameEnd, at, valueStart }),
  );
}

/** Characters that no value begins with. */
export const NO_VALUE = charCodes("\"'`\\ \t\r\n");

/** Whether there are at least as many characters as in the shortest value. */
function hasValue(text: string, start: number, length: number): boolean {
  if (start + length > text.length) return false;
  for (let at = start; at < start + length; at += 1) if (NO_VALUE[text.charCodeAt(at)] === 1) return false;
  return true;
}

interface Assignment {
  readonly name: string;
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly at: number;
  readonly valueStart: number;
}

function surroundings(text: string, { name, nameStart, nameEnd, at, valueStart }: Assignment) {
  const before = text[nameStart - 1];
  const isEquals = text.charCodeAt(at) === EQUALS;
  const isTight = nameEnd === at;
  const isUpper = /^[A-Z][A-Z0-9_]{2,}$/.test(name);
  const inList = isEquals && isTight && valueStart === at + 1;
  return {
    isVariable:
      (isUpper && (isEquals ? isTight : name.includes("_"))) ||
      (isTight && isLineOfSettings(text, nameStart, at, valueStart)),
    isInList: inList && (before === ";" || before === "?" || before === "&" || text[nameStart - 2] === ";"),
  };
}

const LINE_START =
  /(?:^|[\r\n]|\\n)[ \t]{0,32}(?:\d{1,6}(?:→|\t|:| ?\|) ?)?[ \t]{0,32}(?:[+>|-] ?)?[ \t]{0,32}$/;
const REST_OF_LINE = /[a-z0-9][^\s"'`\\;,(){}[\]<>$]{0,128}(?=[\r\n]|\\n|\\r|$)/y;

/** A line of YAML or of a configuration file with nothing else in it: `password: correcthorse`. */
function isLineOfSettings(text: string, nameStart: number, at: number, valueStart: number): boolean {
  const tight = text.charCodeAt(at) === EQUALS ? valueStart === at + 1 : text[at + 1] === " ";
  if (!tight) return false;
  REST_OF_LINE.lastIndex = valueStart;
  const value = REST_OF_LINE.exec(text)?.[0];
  if (value === undefined || /^[a-z]+(?:_[a-z]+)+$/.test(value)) return false;
  return LINE_START.test(text.slice(Math.max(0, nameStart - 80), nameStart));
}

const PAIR_NAME =
  /["']?(?:name|key|Name|Key|variable)(?:\\?["'])?\s{0,2}[:=]\s{0,2}(?:\\{0,3}["'])?([A-Za-z0-9_.-]{3,64})(?:\\{0,3}["'])?,?(?:\s|\\n|\\t){0,40}(?:\\{0,3}["'])?$/;

/** `{"name": "api_key", "value": …}`, also in YAML and in attributes. */
function verdictOfPair(text: string, nameStart: number): NameVerdict {
  const name = PAIR_NAME.exec(text.slice(Math.max(0, nameStart - 160), nameStart))?.[1];
  return name === undefined ? "plain" : judgeName(name);
}

const TELEGRAM = /:AA[A-Za-z0-9_-]{32,36}(?![A-Za-z0-9_-])/y;
const ASANA = /:[0-9a-f]{32}(?![0-9a-f])/y;

/** A credential that contains the `:` or `=` at this position. */
export function secretWithSign(text: string, at: number): Span | undefined {
  return text.charCodeAt(at) === COLON ? secretAfterColon(text, at) : copilotToken(text, at);
}

/** Keys that contain a colon, and PuTTY's private keys. */
function secretAfterColon(text: string, at: number): Span | undefined {
  const before = text.charCodeAt(at - 1);
  if (before >= 0x30 && before <= 0x39) {
    const head = /(?<![\d/])(?:\d{8,10}|[12]\/\d{10,20}(?:\/\d{10,20})?)$/.exec(
      text.slice(Math.max(0, at - 48), at),
    )?.[0];
    if (head === undefined) return undefined;
    const shape = head.includes("/") ? ASANA : TELEGRAM;
    shape.lastIndex = at;
    return shape.test(text) ? { start: at - head.length, end: shape.lastIndex } : undefined;
  }
  // `Private-Lines: 14`
  if (before !== 0x73 || !text.startsWith("Private-Lines", at - 13)) return undefined;
  return privateKeyAt(text, at - 13);
}

/** GitHub Copilot's session: `tid=…;exp=…;sku=…;8kp=1:…`. */
const COPILOT = /[0-9a-f]{32};(?=[^\s"'\\]{0,64}exp=\d)[^\s"'\\]{16,2048}/y;

function copilotToken(text: string, at: number): Span | undefined {
  if (!text.startsWith("tid", at - 3)) return undefined;
  COPILOT.lastIndex = at + 1;
  return COPILOT.test(text) ? { start: at - 3, end: COPILOT.lastIndex } : undefined;
}

/** The private part of a JSON Web Key (RFC 7518 §6). */
const JWK = /:\s{0,2}(?:\\{0,3}")([A-Za-z0-9_-]{42,1024})(?:\\{0,3}")/y;

function keyOfJwk(text: string, at: number): Span | undefined {
  JWK.lastIndex = at;
  const value = JWK.exec(text)?.[1];
  if (value === undefined) return undefined;
  const start = text.indexOf(value, at);
  return { start, end: start + value.length };
}
