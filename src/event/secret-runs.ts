/**
 * Credentials recognised by their form. All of them are long runs of letters, digits and a few signs, which prose does
 * not have: these are found without examining every character.
 */

import { base64TextAt } from "./base64-text.js";
import { judgeName, mayEndSecretName } from "./secret-names.js";
import { endOfKey, MARKED_WITHIN } from "./secret-shapes.js";
import { looksLikeCredential, looksLikeHexKey, looksMachineMade, looksRandom } from "./secret-values.js";
import { charCodes, endOverLines, LETTERS_AND_DIGITS, type Span } from "./span.js";

/** The shortest credential recognised without a name: `xoxb-` and eleven more characters. */
const SHORTEST_RUN = 16;
/** Of longer runs, such as images and documents, only the beginning is examined closely. */
const LONGEST_RUN = 4096;
/** Longer runs are base64url, which may contain `-hf_` by chance. */
const LONGEST_BEFORE_KEY = 256;

const RUN = charCodes(`${LETTERS_AND_DIGITS}-_+/.~$`);
const WORD = charCodes(LETTERS_AND_DIGITS);
const RUN_REST = /[A-Za-z0-9_+/.~$-]*/y;

/** Calls `visit` with each long run, in order, until it returns true; then returns true. */
export function anyRun(text: string, visit: (start: number, end: number) => boolean): boolean {
  let floor = 0;
  for (let at = SHORTEST_RUN - 1; at < text.length; ) {
    if (!isRun(text, at)) {
      floor = at + 1;
      at += SHORTEST_RUN;
      continue;
    }
    let start = at;
    while (start > floor && isRun(text, start - 1)) start -= 1;
    let end = at + 1;
    while (end - start < SHORTEST_RUN && isRun(text, end)) end += 1;
    if (end - start >= SHORTEST_RUN) {
      RUN_REST.lastIndex = end;
      RUN_REST.test(text);
      end = RUN_REST.lastIndex;
      if (visit(start, end)) return true;
    }
    floor = end;
    at = end + SHORTEST_RUN;
  }
  return false;
}

function isRun(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code < 128 && RUN[code] === 1;
}

/** The first credential in a run. `holdsSecret` is called with texts that are base64-encoded in it. */
export function secretInRun(
  text: string,
  runStart: number,
  end: number,
  holdsSecret: (decoded: string) => boolean,
): Span | undefined {
  const start = runStart + lengthOfEscape(text, runStart);
  return keyInRun(text, start, end) ?? secretRun(text, start, end, holdsSecret);
}

/** Escapes in JSON, URLs and coloured output (`\n`, `%3D`, `[32m`) end in characters that could belong to a word. */
function lengthOfEscape(text: string, start: number): number {
  const before = text.charCodeAt(start - 1);
  if (before === 0x5c) return "nrtbf".includes(text[start]!) ? 1 : 0;
  if (before === 0x25) return 2;
  if (before !== 0x5b && before !== 0x3b) return 0;
  COLOUR.lastIndex = start;
  return COLOUR.test(text) ? COLOUR.lastIndex - start : 0;
}

const COLOUR = /\d{1,3}m/y;

function keyInRun(text: string, start: number, runEnd: number): Span | undefined {
  const end = Math.min(runEnd, start + LONGEST_RUN);
  let inWord = false;
  let partStart = start;
  for (let i = start; i < end; i += 1) {
    const code = text.charCodeAt(i);
    if (WORD[code] === 1) {
      if (!inWord && i - partStart < LONGEST_BEFORE_KEY) {
        const keyEnd = endOfKey(text, i);
        if (keyEnd > i) return { start: i, end: endOverLines(text, i, keyEnd) };
      }
      inWord = true;
    } else {
      inWord = false;
      // `-` and `_`
      if (code !== 0x2d && code !== 0x5f) partStart = i + 1;
    }
  }
  return undefined;
}

/** Judges the run as a whole. */
function secretRun(
  text: string,
  start: number,
  runEnd: number,
  holdsSecret: (decoded: string) => boolean,
): Span | undefined {
  let end = Math.min(runEnd, start + LONGEST_RUN);
  // A full stop or dash that ends a sentence is not part of the key.
  while (end > start && WORD[text.charCodeAt(end - 1)] !== 1 && !"+/".includes(text[end - 1]!)) end -= 1;
  const length = end - start;
  if (length < SHORTEST_RUN) return undefined;
  return (
    secretWithin(text, start, end) ??
    credentialOfHttp(text, start) ??
    (length === AWS_SECRET_KEY && isBareKey(text, start, end) ? { start, end } : undefined) ??
    secretOfPhrase(text, start, end) ??
    base64TextAt(text, start, holdsSecret)
  );
}

function secretWithin(text: string, start: number, end: number): Span | undefined {
  if (end - start < 36) return undefined;
  const run = text.slice(start, end);
  for (const [mark, shape] of MARKED_WITHIN) {
    if (!run.includes(mark)) continue;
    const found = shape.exec(run);
    if (found) return { start: start + found.index, end: start + found.index + found[0].length };
  }
  return undefined;
}

const AWS_SECRET_KEY = 40;

/** As issued by AWS (and Cohere, and others): 40 characters, nothing around them. Hashes have no capitals. */
function isBareKey(text: string, start: number, end: number): boolean {
  // Base64 padding, which AWS keys do not have, or the name of an argument.
  if (text.charCodeAt(end) === 0x3d) return false;
  const run = text.slice(start, end);
  return /^[A-Za-z0-9+/]+$/.test(run) && looksMachineMade(run);
}

const SCHEME = /(bearer|basic|token|ssws|bot|apikey|key)$/i;
const ENDS_SCHEME = new Set([..."rcnsty"].map((letter) => letter.charCodeAt(0)));
const TOKEN_68 = /[A-Za-z0-9_.~+/-]{8,}=*/y;

/** `Bearer token68` and `Basic base64(user:password)` (RFC 6750 §2.1, RFC 7617 §2), and similar schemes. */
export function credentialOfHttp(text: string, start: number): Span | undefined {
  if (text.charCodeAt(start - 1) !== 0x20 || !ENDS_SCHEME.has(text.charCodeAt(start - 2) | 0x20))
    return undefined;
  const scheme = SCHEME.exec(text.slice(Math.max(0, start - 7), start - 1))?.[1]?.toLowerCase();
  if (scheme === undefined) return undefined;
  TOKEN_68.lastIndex = start;
  const token = TOKEN_68.exec(text)?.[0] ?? "";
  const isSecret =
    scheme === "basic"
      ? isUserAndPassword(token)
      : scheme === "bearer"
        ? token.length >= 16 && looksRandom(token)
        : looksLikeCredential(token);
  return isSecret ? { start, end: endOverLines(text, start, start + token.length) } : undefined;
}

/** `user:password` in base64 (RFC 7617 §2). */
export function isUserAndPassword(base64: string): boolean {
  return /^[\x20-\x7e]*:[\x20-\x7e]+$/.test(Buffer.from(base64.slice(0, 512), "base64").toString("latin1"));
}

/** `my api key is …`, `setx AZURE_KEY …`, `ENV GITHUB_TOKEN …`: a name, a few small words, and the run. */
const PHRASE =
  /([A-Za-z][A-Za-z0-9_.-]{1,63}|[Aa][Pp][Ii][ -][Kk]ey|(?:secret|private|access) key)["'`*]{0,2}(?: (?:is|was|here|now|value|it's))?(?:\\?["'`*:=]|\\{1,2}[nrt]|[\s→]|-(?=\s)){1,8}$/;

/** As `looksLikeCredential` has it. */
const SHORTEST_PHRASED = 20;
const BETWEEN_NAME_AND_RUN = charCodes("\\\"'`*:=- \t\r\n");
/** At most eight separators of three characters, and quotes. */
const LONGEST_BETWEEN = 26;

/** Excludes most runs before the expression is tried on the text before them. */
function mayFollowName(text: string, start: number): boolean {
  let end = start;
  while (end > start - LONGEST_BETWEEN && isBetween(text, end - 1)) end -= 1;
  // `… is`, `… here`, `… now`
  return end < start && (mayEndSecretName(text, end) || "sew".includes(text[end - 1]!));
}

function isBetween(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code > 127 || BETWEEN_NAME_AND_RUN[code] === 1) return true;
  return (code === 0x6e || code === 0x72 || code === 0x74) && text.charCodeAt(at - 1) === 0x5c;
}

function secretOfPhrase(text: string, start: number, end: number): Span | undefined {
  if (end - start < SHORTEST_PHRASED || !mayFollowName(text, start)) return undefined;
  const run = text.slice(start, Math.min(end, start + 512));
  if (!looksLikeCredential(run) && !looksLikeHexKey(run)) return undefined;
  const name = PHRASE.exec(text.slice(Math.max(0, start - 80), start))?.[1];
  if (name === undefined) return undefined;
  switch (judgeName(name)) {
    case "password":
    case "secret":
    case "variable":
    case "authorization":
      return { start, end: endOverLines(text, start, end) };
    case "ambiguous":
      return /^(?:key|sig)$/i.test(name) || looksLikeHexKey(run) ? undefined : { start, end };
    default:
      return undefined;
  }
}
