/** Finds the value after a name: its extent, and whether it is a credential. */

import type { NameVerdict } from "./secret-names.js";
import { isUserAndPassword } from "./secret-runs.js";
import {
  looksLikeCredential,
  looksLikeHexKey,
  looksLikeKey,
  looksLikePassword,
  looksLikeVariable,
  looksRandom,
  type Surroundings,
} from "./secret-values.js";
import { endOverLines, type Span } from "./span.js";

/** The first characters decide; a secret then extends to the end of the value. */
const BARE = /[^\s"'`\\&<>,;]{6,256}/y;
const BARE_REST = /[^\s"'`\\&<>,;]*/y;
const VARIABLE = /[^\s"'`\\]{6,256}/y;
const VARIABLE_REST = /[^\s"'`\\]*/y;
const QUOTED: Readonly<Record<string, readonly [RegExp, RegExp]>> = {
  '"': [/[^"\s\\]{6,256}/y, /[^"\s\\]*/y],
  "'": [/[^'\s\\]{6,256}/y, /[^'\s\\]*/y],
  "`": [/[^`\s\\]{6,256}/y, /[^`\s\\]*/y],
};

/** The credential in the value that starts there, given the verdict on its name. */
export function secretValue(
  text: string,
  verdict: NameVerdict,
  start: number,
  { isVariable, isInList }: Omit<Surroundings, "isQuoted">,
): Span | undefined {
  if (verdict === "plain") return undefined;
  if (verdict === "cookie") return cookiesAt(text, start);
  if (verdict === "authorization") return credentialsAt(text, start);
  const quote = text[start - 1]!;
  const [shape, rest] = QUOTED[quote] ?? (isVariable ? [VARIABLE, VARIABLE_REST] : [BARE, BARE_REST]);
  shape.lastIndex = start;
  const value = shape.exec(text)?.[0];
  if (value === undefined) return undefined;
  const valueEnd = start + value.length;
  const where = { isVariable, isInList, isQuoted: closes(text, valueEnd, quote) };
  if (quote in QUOTED && !where.isQuoted && !looksRandom(value)) return undefined;
  if (!isSecret(verdict, value, where)) return undefined;
  rest.lastIndex = valueEnd;
  rest.test(text);
  return { start, end: endOverLines(text, start, rest.lastIndex) };
}

function closes(text: string, end: number, quote: string): boolean {
  return (
    quote in QUOTED &&
    (text[end] === quote || (text[end] === "\\" && text.slice(end, end + 8).includes(quote)))
  );
}

function isSecret(verdict: NameVerdict, value: string, where: Surroundings): boolean {
  switch (verdict) {
    case "password":
      return looksLikePassword(value, where);
    case "secret":
      return looksLikeKey(value, where);
    case "variable":
      return looksLikeVariable(value, where);
    default:
      return (
        looksLikeCredential(value) ||
        (where.isInList && value.length >= 16 && looksLikeVariable(value, where)) ||
        (value.endsWith("=") && isUserAndPassword(value))
      );
  }
}

const COOKIES = /[^\r\n"'`\\]{6,256}/y;
const COOKIES_REST = /[^\r\n"'`\\]*/y;
/** `name=value`, unlike the words of prose after a colon. */
const PAIR = /^[\w.%$-]{1,64}=[^;\s]{3,}/;

function cookiesAt(text: string, start: number): Span | undefined {
  COOKIES.lastIndex = start;
  const value = COOKIES.exec(text)?.[0];
  if (value === undefined || !PAIR.test(value) || !looksRandom(value)) return undefined;
  COOKIES_REST.lastIndex = start + value.length;
  COOKIES_REST.test(text);
  return { start, end: COOKIES_REST.lastIndex };
}

/** `Digest username="…", response="…"`, `AWS4-HMAC-SHA256 Credential=…, Signature=…` (RFC 9110 §11.4). */
const SCHEME = /([A-Za-z][A-Za-z0-9-]{1,24})[ \t]{1,4}/y;
const PARAMETERS =
  /[A-Za-z][\w-]{0,30}=(?:\\{0,4}"[^"\\\r\n]{0,512}\\{0,4}"|[^\s,"'\\]{1,512})(?:, {0,3}|,? {1,3})(?:[A-Za-z][\w-]{0,30}=(?:\\{0,4}"[^"\\\r\n]{0,512}\\{0,4}"|[^\s,"'\\]{1,512})(?:, {0,3}|,? {1,3})?){1,32}/y;
const TOKEN = /[^\s"'`\\,;<>]{6,4096}/y;
const KNOWN_SCHEME =
  /^(?:bearer|basic|token|key|ssws|bot|api-?key|apikey|digest|negotiate|ntlm|hmac|geniekey|goog1|shared-?access-?signature|sso-key|klaviyo-api-key|mac|jwt|oauth|discogs|splunk|zoho-oauthtoken)$/i;

function credentialsAt(text: string, start: number): Span | undefined {
  SCHEME.lastIndex = start;
  const scheme = SCHEME.exec(text)?.[1];
  const at = scheme === undefined ? start : SCHEME.lastIndex;
  if (scheme !== undefined) {
    PARAMETERS.lastIndex = at;
    if (PARAMETERS.test(text)) return { start: at, end: PARAMETERS.lastIndex };
  }
  TOKEN.lastIndex = at;
  const token = TOKEN.exec(text)?.[0];
  if (token === undefined) return undefined;
  const isKnown = scheme !== undefined && KNOWN_SCHEME.test(scheme);
  const where = { isVariable: isKnown, isQuoted: false, isInList: false };
  const looks = isKnown
    ? looksLikeKey(token, where) || (/^basic$/i.test(scheme!) && isUserAndPassword(token))
    : looksLikeVariable(token, where) || looksLikeHexKey(token);
  return looks ? { start: at, end: endOverLines(text, at, at + token.length) } : undefined;
}
