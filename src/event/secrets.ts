/**
 * Finds credentials in text. One pass over the characters, so that the time is linear in the text whatever
 * it holds: runs of token characters are cut out, and only runs long enough to be a credential are looked at.
 */

import { judgeName } from "./secret-names.js";

/** Half-open range of a credential in a text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Shortest text with a credential in it that we know of: `pwd=hunter22`. */
export const SHORTEST_TEXT = 12;

/**
 * Credentials that are known by their looks. The prefixes are documented by their issuers; lengths are the
 * shortest seen, so that neither words (`task-…`) nor hashes nor UUIDs match.
 */
const KEY_SHAPES: ReadonlyArray<readonly [issuer: string, shape: string]> = [
  ["OpenAI, Anthropic, OpenRouter, DeepSeek, Stripe and all who follow OpenAI", "sk-[A-Za-z0-9_-]{20,}"],
  ["Stripe", "[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}"],
  ["Google API", "AIza[A-Za-z0-9_-]{35}"],
  ["Google OAuth", "ya29\\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}|1//0[A-Za-z0-9_-]{20,}"],
  [
    "Groq, xAI, Perplexity, Hugging Face",
    "gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|pplx-[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{30,}",
  ],
  ["Replicate, Fireworks, Cerebras", "r8_[A-Za-z0-9]{30,}|fw_[A-Za-z0-9]{20,}|csk-[A-Za-z0-9]{20,}"],
  [
    "NVIDIA, Tavily, LangSmith, Together",
    "nvapi-[A-Za-z0-9_-]{20,}|tvly-[A-Za-z0-9-]{20,}|lsv2_[a-z]{2}_[A-Za-z0-9_]{20,}|tgp_v1_[A-Za-z0-9_-]{20,}",
  ],
  ["GitHub, GitLab", "gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}"],
  ["Slack", "xox[a-z]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{20,}"],
  [
    "npm, PyPI, Databricks, DigitalOcean",
    "npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{40,}|dapi[0-9a-f]{32}|do[opr]_v1_[0-9a-f]{40,}",
  ],
  [
    "Notion, Linear, SendGrid",
    "ntn_[A-Za-z0-9]{30,}|lin_api_[A-Za-z0-9]{30,}|SG\\.[A-Za-z0-9_-]{16,}\\.[A-Za-z0-9_-]{16,}",
  ],
  ["AWS key ids", "A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}(?![A-Za-z0-9+/])"],
  ["Amazon Bedrock", "ABSK[A-Za-z0-9+/]{60,}|bedrock-api-key-[A-Za-z0-9+/]{20,}"],
];
/** Signed (three parts) or encrypted (five); both begin with the base64 of `{"` (RFC 7519 §3). */
const JWT = "(?<![_-])eyJ[A-Za-z0-9_-]{8,}(?:\\.[A-Za-z0-9_-]*){2,4}";
const KEY = new RegExp(`(?<![A-Za-z0-9])(?:${KEY_SHAPES.map(([, shape]) => shape).join("|")}|${JWT})`, "g");

const SHORTEST_KEY = 16;
/** No credential is longer; a run beyond it is data, and only its start is looked at. */
const LONGEST_KEY = 16_384;
const SHORTEST_TOKEN = 6;

const OTHER = 0;
const TOKEN = 1;
const ASSIGN = 2;
const KIND = new Uint8Array(128);
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.+/~")
  KIND[char.charCodeAt(0)] = TOKEN;
for (const char of ":=") KIND[char.charCodeAt(0)] = ASSIGN;

const BACKSLASH = 0x5c;
const DASH = 0x2d;
const SLASH = 0x2f;
const SPACE = 0x20;

/** Where the credentials are, in order, without overlaps. */
export function findSecrets(text: string): Span[] {
  const found: Span[] = [];
  let tokenStart = -1;
  for (let i = 0; i <= text.length; i += 1) {
    const code = i < text.length ? text.charCodeAt(i) : SPACE;
    const kind = code < 128 ? KIND[code] : OTHER;
    if (kind === TOKEN) {
      if (tokenStart < 0) tokenStart = i;
      continue;
    }
    if (tokenStart >= 0 && i - tokenStart >= SHORTEST_TOKEN) inspectToken(text, tokenStart, i, found);
    if (kind === ASSIGN) inspectAssignment(text, i, found);
    tokenStart = -1;
  }
  return found.length > 1 ? withoutOverlaps(found) : found;
}

function withoutOverlaps(spans: Span[]): Span[] {
  spans.sort((a, b) => a.start - b.start || b.end - a.end);
  let end = 0;
  return spans.filter((span) => {
    if (span.start < end) return false;
    end = span.end;
    return true;
  });
}

function inspectToken(text: string, tokenStart: number, end: number, found: Span[]): void {
  const start = afterEscape(text, tokenStart);
  const first = text.charCodeAt(start);
  if (first === DASH && text.startsWith("-----BEGIN ", start)) inspectPem(text, start, found);
  else if (first === DASH && text.charCodeAt(start + 1) === DASH) inspectFlag(text, start + 2, end, found);
  if (text.charCodeAt(start - 1) === SPACE && isHttpCredential(text, start, end)) found.push({ start, end });
  if (end - start < SHORTEST_KEY) return;
  const token = text.slice(start, Math.min(end, start + LONGEST_KEY));
  KEY.lastIndex = 0;
  for (let match = KEY.exec(token); match !== null; match = KEY.exec(token)) {
    if (!isMadeOfWords(match[0])) found.push({ start: start + match.index, end: start + KEY.lastIndex });
  }
}

/** In JSON or a URL within text, `\n` and `%3D` end in characters that look like a part of the token. */
function afterEscape(text: string, start: number): number {
  const before = text.charCodeAt(start - 1);
  if (before === BACKSLASH && "nrt".includes(text.charAt(start))) return start + 1;
  return before === 0x25 && /^[0-9A-Fa-f]{2}/.test(text.slice(start, start + 2)) ? start + 2 : start;
}

/** Names such as `sk-circle-fade-dot-animation` have no digit, which no key lacks. */
function isMadeOfWords(token: string): boolean {
  return !/[0-9]/.test(token);
}

/** `Bearer token68` and `Basic base64(user:password)` (RFC 6750 §2.1, RFC 7617 §2). */
function isHttpCredential(text: string, start: number, end: number): boolean {
  const scheme = text.slice(Math.max(0, start - 7), start - 1).toLowerCase();
  if (scheme === "bearer") return end - start >= SHORTEST_KEY && looksRandom(text.slice(start, end));
  if (!scheme.endsWith("basic")) return false;
  return /^[\x20-\x7e]*:[\x20-\x7e]+$/.test(Buffer.from(text.slice(start, end), "base64").toString("latin1"));
}

/** PEM (RFC 7468 §10) as it stands in files, in JSON with `\n`, indented, or with the headers of RFC 1421. */
const PEM_PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----(?:(?:\s|\\[rn])+(?:Proc-Type|DEK-Info|Version|Comment):[^\r\n\\"]*)*(?:(?:\s|\\[rn])+[A-Za-z0-9+/=]{20,})+(?:(?:[\r\n]|\\[rn])+[ \t]*[A-Za-z0-9+/=]+)?/y;

function inspectPem(text: string, start: number, found: Span[]): void {
  PEM_PRIVATE_KEY.lastIndex = start;
  if (PEM_PRIVATE_KEY.test(text)) found.push({ start, end: PEM_PRIVATE_KEY.lastIndex });
}

/** `--api-key VALUE` of a command line. */
function inspectFlag(text: string, nameStart: number, end: number, found: Span[]): void {
  if (text.charCodeAt(end) === SPACE) inspectValue(text, text.slice(nameStart, end), end + 1, found);
}

/** What may stand between a name and its `:` or `=`, and between that and the value. */
const QUOTING = /[\\"'`\s]/;
const MAX_QUOTING = 4;
const NAME_BEFORE = /[A-Za-z0-9_.-]{3,64}$/;
const USER_INFO = /\/\/[^\s/:@"'\\]{0,64}:([^\s/@"'\\]{3,256})@/y;

/** `name=value`, `name: value`, `"name": "value"`, also within a string of JSON; and `://user:password@`. */
function inspectAssignment(text: string, at: number, found: Span[]): void {
  if (text.charCodeAt(at + 1) === SLASH) {
    USER_INFO.lastIndex = at + 1;
    const password = USER_INFO.exec(text)?.[1];
    if (password !== undefined) {
      found.push({ start: USER_INFO.lastIndex - 1 - password.length, end: USER_INFO.lastIndex - 1 });
    }
    return;
  }
  let nameEnd = at;
  while (at - nameEnd < MAX_QUOTING && QUOTING.test(text.charAt(nameEnd - 1))) nameEnd -= 1;
  if (!endsLikeSecretName(text.charCodeAt(nameEnd - 1))) return;
  const name = NAME_BEFORE.exec(text.slice(Math.max(0, nameEnd - 64), nameEnd))?.[0];
  if (name === undefined) return;
  let valueStart = at + 1;
  while (valueStart - at <= MAX_QUOTING && QUOTING.test(text.charAt(valueStart))) valueStart += 1;
  inspectValue(text, name, valueStart, found);
}

/** All names that `judgeName` knows end in one of these: spares the look back for most colons. */
function endsLikeSecretName(code: number): boolean {
  return "ydtnserg".includes(String.fromCharCode(code | 0x20));
}

const VALUE = /[^\s"'`\\&<>,;]{6,1024}/y;
const COOKIE_LINE = /[^\r\n"'`\\]{6,4096}/y;

function inspectValue(text: string, name: string, start: number, found: Span[]): void {
  const verdict = judgeName(name);
  if (verdict === "plain") return;
  const shape = /cookie$/i.test(name) ? COOKIE_LINE : VALUE;
  shape.lastIndex = start;
  const value = shape.exec(text)?.[0];
  if (value === undefined) return;
  const secret = verdict === "secret" ? looksLikeValue(value) : looksLikeCredential(value);
  if (secret) found.push({ start, end: start + value.length });
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
    /^[A-Za-z0-9_\-.+/=~:|]{20,4096}$/.test(value) &&
    /[0-9]/.test(value) &&
    /[a-z]/.test(value) &&
    /[A-Z]/.test(value)
  );
}

/** What stands for the rest of a credential. */
export const MARK = "…REDACTED";
