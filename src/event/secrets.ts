/**
 * Finds credentials in text. One pass over the characters, and a closer look only where one can begin, so
 * that the time is linear in the text whatever it holds.
 */

import { judgeName, mayEndSecretName, type NameVerdict } from "./secret-names.js";

/** Half-open range of a credential in a text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Shortest text with a credential in it that we know of: `pwd=hunter22`. */
export const SHORTEST_TEXT = 12;

/** What stands for the rest of a credential. */
export const MARK = "…REDACTED";

/**
 * Credentials that are known by their looks. The prefixes are documented by their issuers; lengths are the
 * shortest seen, so that neither words (`task-…`) nor hashes nor UUIDs match. A shape that fails must fail
 * within a bounded number of characters, or the search is not linear.
 */
const KEY_SHAPES: ReadonlyArray<readonly [issuer: string, ...shapes: string[]]> = [
  // With a digit, which no key lacks and names such as `sk-circle-fade-dot-animation` do.
  ["OpenAI, Anthropic, and all who follow OpenAI", "sk-(?=[A-Za-z_-]{0,48}[0-9])[A-Za-z0-9_-]{20,}"],
  ["Stripe", "sk_(?:live|test)_[A-Za-z0-9]{16,}", "rk_(?:live|test)_[A-Za-z0-9]{16,}"],
  ["Google API", "AIza[A-Za-z0-9_-]{35}"],
  ["Google OAuth", "ya29\\.[A-Za-z0-9_-]{20,}", "GOCSPX-[A-Za-z0-9_-]{20,}", "1//0[A-Za-z0-9_-]{20,}"],
  ["Groq", "gsk_[A-Za-z0-9]{20,}"],
  ["xAI", "xai-[A-Za-z0-9]{20,}"],
  ["Perplexity", "pplx-[A-Za-z0-9]{20,}"],
  ["Hugging Face", "hf_[A-Za-z0-9]{30,}"],
  ["Replicate", "r8_[A-Za-z0-9]{30,}"],
  ["Fireworks", "fw_[A-Za-z0-9]{20,}"],
  ["Cerebras", "csk-[A-Za-z0-9]{20,}"],
  ["NVIDIA", "nvapi-[A-Za-z0-9_-]{20,}"],
  ["Together", "tgp_v1_[A-Za-z0-9_-]{20,}"],
  ["Tavily", "tvly-[A-Za-z0-9-]{20,}"],
  ["LangSmith", "lsv2_[a-z]{2}_[A-Za-z0-9_]{20,}"],
  ["GitHub", "gh[pousr]_[A-Za-z0-9]{30,}", "github_pat_[A-Za-z0-9_]{22,}"],
  ["GitLab", "glpat-[A-Za-z0-9_-]{20,}"],
  ["Slack", "xox[a-z]-[A-Za-z0-9-]{10,}", "xapp-[A-Za-z0-9-]{20,}"],
  ["npm", "npm_[A-Za-z0-9]{30,}"],
  ["PyPI", "pypi-[A-Za-z0-9_-]{40,}"],
  ["Databricks", "dapi[0-9a-f]{32}"],
  ["DigitalOcean", "do[opr]_v1_[0-9a-f]{40,}"],
  ["Notion", "ntn_[A-Za-z0-9]{30,}"],
  ["Linear", "lin_api_[A-Za-z0-9]{30,}"],
  ["SendGrid", "SG\\.[A-Za-z0-9_-]{16,}\\.[A-Za-z0-9_-]{16,}"],
  ["AWS key ids", "AKIA[A-Z2-7]{16}(?![A-Za-z0-9+/])", "ASIA[A-Z2-7]{16}(?![A-Za-z0-9+/])"],
  ["Amazon Bedrock", "ABSK[A-Za-z0-9+/]{60,}", "bedrock-api-key-[A-Za-z0-9+/]{20,}"],
  // Signed (three parts) or encrypted (five); both begin with the base64 of `{"` (RFC 7519 §3). Not tried at
  // each dash of a run, whose end it looks for.
  ["JWT", "eyJ(?<![_-]eyJ)[A-Za-z0-9_-]{8,}(?:\\.[A-Za-z0-9_-]*){2,4}"],
];
/** Sources of regular expressions, each beginning with two plain characters. */
export const SHAPES = KEY_SHAPES.flatMap(([, ...shapes]) => shapes);
const KEY = new RegExp(SHAPES.join("|"), "y");

/** Every shape begins with two plain characters: `KEY` is tried only where a known pair stands. */
const KEY_PAIRS = new Uint8Array(128 * 128);
for (const shape of SHAPES) KEY_PAIRS[shape.charCodeAt(0) * 128 + shape.charCodeAt(1)] = 1;

function charCodes(chars: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const char of chars) table[char.charCodeAt(0)] = 1;
  return table;
}

const LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const WORD = charCodes(LETTERS_AND_DIGITS);
const ESCAPES = charCodes("nrt");

const SPACE = 0x20;
const PERCENT = 0x25;
const DASH = 0x2d;
const SLASH = 0x2f;
const COLON = 0x3a;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const UNDERSCORE = 0x5f;

/** A run of base64url is longer, and has a `-hf_` somewhere by chance. */
const LONGEST_BEFORE_KEY = 256;

/** Where the credentials are, in order, without overlaps. */
export function findSecrets(text: string): Span[] {
  const found: Span[] = [];
  let inWord = false;
  let runStart = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    let secret: Span | undefined;
    if (code < 128 && WORD[code] === 1) {
      if (!inWord && i - runStart < LONGEST_BEFORE_KEY) {
        secret = secretAtWord(text, i, code);
        // In JSON or a URL within text, `\n` and `%3D` end in characters that look like a part of a word.
        inWord = secret === undefined && !isEscape(text, i, code);
      }
    } else {
      inWord = false;
      if (code !== DASH && code !== UNDERSCORE) runStart = i + 1;
      if (code === COLON || code === EQUALS) secret = secretAssigned(text, i);
      else if (code === DASH && startsDashes(text, i)) secret = secretAtDashes(text, i);
    }
    if (secret !== undefined) {
      found.push(secret);
      i = secret.end - 1;
      inWord = false;
    }
  }
  return found;
}

function secretAtWord(text: string, start: number, code: number): Span | undefined {
  const next = text.charCodeAt(start + 1);
  const key = next < 128 && KEY_PAIRS[code * 128 + next] === 1 ? keyAt(text, start) : undefined;
  return key ?? (text.charCodeAt(start - 1) === SPACE ? credentialOfHttp(text, start) : undefined);
}

/** The key that begins there, as far as its looks tell. */
export function keyAt(text: string, start: number): Span | undefined {
  KEY.lastIndex = start;
  return KEY.test(text) ? { start, end: KEY.lastIndex } : undefined;
}

function isEscape(text: string, start: number, code: number): boolean {
  if (text.charCodeAt(start - 1) === BACKSLASH) return ESCAPES[code] === 1;
  return text.charCodeAt(start - 1) === PERCENT || text.charCodeAt(start - 2) === PERCENT;
}

export function startsDashes(text: string, at: number): boolean {
  return text.charCodeAt(at + 1) === DASH && text.charCodeAt(at - 1) !== DASH;
}

const TOKEN_68 = /[A-Za-z0-9_.~+/-]{8,}=*/y;

/** `Bearer token68` and `Basic base64(user:password)` (RFC 6750 §2.1, RFC 7617 §2). */
export function credentialOfHttp(text: string, start: number): Span | undefined {
  const last = text.charCodeAt(start - 2) | 0x20;
  if (last !== 0x72 && last !== 0x63) return undefined;
  const scheme = /(bearer|basic)$/i.exec(text.slice(Math.max(0, start - 7), start - 1))?.[1]?.toLowerCase();
  if (scheme === undefined) return undefined;
  TOKEN_68.lastIndex = start;
  const token = TOKEN_68.exec(text)?.[0] ?? "";
  const secret = scheme === "bearer" ? token.length >= 16 && looksRandom(token) : isUserAndPassword(token);
  return secret ? { start, end: start + token.length } : undefined;
}

function isUserAndPassword(base64: string): boolean {
  return /^[\x20-\x7e]*:[\x20-\x7e]+$/.test(Buffer.from(base64, "base64").toString("latin1"));
}

/** PEM (RFC 7468 §10) as it stands in files, in JSON with `\n`, indented, or with the headers of RFC 1421. */
const PEM_PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----(?:(?:[\r\n]|\\{1,4}[rn]){1,4}(?:Proc-Type|DEK-Info|Version|Comment):[^\r\n\\"]{0,128}){0,4}(?:(?:\s|\\{1,4}[rn]){1,64}[A-Za-z0-9+/=]{20,})+(?:(?:[\r\n]|\\{1,4}[rn]){1,4}[ \t]{0,64}[A-Za-z0-9+/=]+)?/y;
export const NAMED_FLAG = /--([A-Za-z][A-Za-z0-9_-]{2,40}) /y;

/** A private key, or `--api-key VALUE` of a command line. */
export function secretAtDashes(text: string, start: number): Span | undefined {
  if (text.startsWith("-----BEGIN ", start)) {
    PEM_PRIVATE_KEY.lastIndex = start;
    return PEM_PRIVATE_KEY.test(text) ? { start, end: PEM_PRIVATE_KEY.lastIndex } : undefined;
  }
  NAMED_FLAG.lastIndex = start;
  const name = NAMED_FLAG.exec(text)?.[1];
  if (name === undefined) return undefined;
  return secretValue(text, judgeName(name), NAMED_FLAG.lastIndex);
}

/** What may stand between a name and its `:` or `=`, and between that and the value. */
export const QUOTING = charCodes("\\\"'` \t\r\n");
const MAX_QUOTING = 4;
/** What a name is made of. */
export const NAME = charCodes(`${LETTERS_AND_DIGITS}_.-`);
const MAX_NAME = 64;
const USER_INFO = /\/\/[^\s/:@"'\\]{0,64}:([^\s/@"'\\]{3,256})@/y;

/** `name=value`, `name: value`, `"name": "value"`, also within a string of JSON; and `://user:password@`. */
export function secretAssigned(text: string, at: number): Span | undefined {
  if (text.charCodeAt(at + 1) === SLASH) return passwordOfUrl(text, at + 1);
  let nameEnd = at;
  while (at - nameEnd < MAX_QUOTING && QUOTING[text.charCodeAt(nameEnd - 1)] === 1) nameEnd -= 1;
  if (!mayEndSecretName(text, nameEnd)) return undefined;
  let nameStart = nameEnd;
  while (nameEnd - nameStart < MAX_NAME && NAME[text.charCodeAt(nameStart - 1)] === 1) nameStart -= 1;
  const verdict = judgeName(text.slice(nameStart, nameEnd));
  if (verdict === "plain") return undefined;
  let valueStart = at + 1;
  while (valueStart - at <= MAX_QUOTING && QUOTING[text.charCodeAt(valueStart)] === 1) valueStart += 1;
  return secretValue(text, verdict, valueStart);
}

function passwordOfUrl(text: string, slashes: number): Span | undefined {
  USER_INFO.lastIndex = slashes;
  const password = USER_INFO.exec(text)?.[1];
  if (password === undefined) return undefined;
  const end = USER_INFO.lastIndex - 1;
  return { start: end - password.length, end };
}

/** The first characters decide; what is a secret then goes on to the end of the value. */
const VALUE = /[^\s"'`\\&<>,;]{6,256}/y;
const VALUE_REST = /[^\s"'`\\&<>,;]*/y;
const COOKIES = /[^\r\n"'`\\]{6,256}/y;
const COOKIES_REST = /[^\r\n"'`\\]*/y;

function secretValue(text: string, verdict: NameVerdict, start: number): Span | undefined {
  if (verdict === "plain") return undefined;
  const [shape, rest] = verdict === "cookie" ? [COOKIES, COOKIES_REST] : [VALUE, VALUE_REST];
  shape.lastIndex = start;
  const value = shape.exec(text)?.[0];
  if (value === undefined) return undefined;
  if (!(verdict === "ambiguous" ? looksLikeCredential(value) : looksLikeValue(value))) return undefined;
  rest.lastIndex = start + value.length;
  rest.test(text);
  return { start, end: rest.lastIndex };
}

/** Not code (`getKey()`, `${KEY}`) and not a word of prose (`password: required`). */
function looksLikeValue(value: string): boolean {
  return looksRandom(value) && !/[(){}[\]]/.test(value) && !value.endsWith(MARK);
}

function looksRandom(value: string): boolean {
  return /[0-9]/.test(value) && /[A-Za-z]/.test(value);
}

/** Without a telling name: long, of both cases and with digits, which hashes and UUIDs are not. */
export function looksLikeCredential(value: string): boolean {
  return (
    /^[A-Za-z0-9_\-.+/=~:|]{20,}$/.test(value) &&
    /[0-9]/.test(value) &&
    /[a-z]/.test(value) &&
    /[A-Z]/.test(value)
  );
}
