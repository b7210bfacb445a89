/** Distinguishes the values of credentials from words and code in the same position. */

/** Replaces the rest of a credential. */
export const MARK = "…REDACTED";

/** Context of a value, which determines how much it must look like a credential. */
export interface Surroundings {
  /** `NAME=value`, as in shells and configuration files: only a value can follow. */
  readonly isVariable: boolean;
  /** In quotes that close right after it. */
  readonly isQuoted: boolean;
  /** One of the pairs of a connection string or of a query. */
  readonly isInList: boolean;
}

const PLACEHOLDER =
  /^(?:your|change.?me|replace|placeholder|redacted|enter|insert|example|todo|xxx|\*{3}|\.{3}|<|\$\(|\$?\{|\$[A-Za-z_]|%[A-Za-z_]+%|process\.|os\.|env[.:]|!(?:Ref|Sub|secret)|ENC\[|secret:|op:\/\/|vault:)|[._-]here$/i;
/** Member expressions in code: `settings.API_KEY_2`, `this.key1`, `base64.b32encode`. */
const MEMBER = /^[A-Za-z_]\w*(?:(?:\.|::|->)[A-Za-z_]\w{0,40})+$/;
/** Words that describe a value instead of being one. */
const DESCRIPTIONS = new Set(
  (
    "string|number|integer|boolean|object|array|null|none|nil|undefined|true|false|required|optional|include|omit|" +
    "same-origin|text|hidden|password|passwd|secret|token|username|email|default|enabled|disabled|unknown|any|str|" +
    "bytes|varchar|prompt|environment|current-password|new-password|keychain|ignored"
  ).split("|"),
);
/** Names of algorithms and types with digits, which are not keys. */
const TERMS =
  /utf-?(?:8|16)|base(?:64|32|58)|sha-?\d{1,3}|md5|[bs]crypt|argon2(?:id?)?|oauth_?2?|u?int(?:8|16|32|64)|float\d\d|varchar\d*|x509|pkcs\d+|ed25519|[rhep]s(?:256|384|512)|aes\d*|http\/?[123]|ipv[46]|field\d|step\d|line\d|part\d|v\d(?:beta\d)?$/gi;
const PATH = /^(?:~|\.{1,2})?\/[\w.@+-]*(?:\/[\w.@+ -]*)*$|^[A-Za-z]:\\/;

export function isPath(value: string): boolean {
  return PATH.test(value);
}

/** A word of prose, of a schema or of code in the position of a secret. */
export function isDescription(value: string): boolean {
  return DESCRIPTIONS.has(value.toLowerCase());
}

function isNoValue(value: string, { isQuoted, isVariable }: Surroundings): boolean {
  if (value.includes(MARK) || PLACEHOLDER.test(value) || isDescription(value)) return true;
  if (/^(.)\1*$/.test(value)) return true;
  if (isQuoted) return false;
  return (
    (isVariable ? /[(){}[\]]/.test(value) && !hasDigitAndLetter(value) : /[(){}[\]]/.test(value)) ||
    MEMBER.test(value)
  );
}

function hasDigitAndLetter(value: string): boolean {
  return /[0-9]/.test(value) && /[A-Za-z]/.test(value);
}

/** Letters and digits, but not a technical term. */
export function looksRandom(value: string): boolean {
  return hasDigitAndLetter(value) && hasDigitAndLetter(value.replace(TERMS, ""));
}

/** How often adjacent characters differ in kind (lower case, upper case, digit): half the time in random text. */
export function changesOfKind(value: string): number {
  let changes = 0;
  let before = 0;
  for (let i = 0; i < value.length; i += 1) {
    const code = value.charCodeAt(i);
    const kind =
      code >= 0x61 && code <= 0x7a
        ? 1
        : code >= 0x41 && code <= 0x5a
          ? 2
          : code >= 0x30 && code <= 0x39
            ? 3
            : 4;
    if (i > 0 && kind !== before) changes += 1;
    before = kind;
  }
  return changes;
}

/** Not a word: mixed case, though without a digit. */
function looksMixed(value: string): boolean {
  return (
    value.length >= 12 &&
    /[a-z]/.test(value) &&
    /[A-Z]/.test(value) &&
    changesOfKind(value) * 3 >= value.length
  );
}

/** Lower-case letters that form no word of any language: few vowels, or many rare letters. */
function looksUnspeakable(value: string): boolean {
  if (!/^[a-z]{16,}$/i.test(value)) return false;
  const vowels = value.match(/[aeiouy]/gi)?.length ?? 0;
  const rare = value.match(/[jqxzwkv]/gi)?.length ?? 0;
  return vowels < value.length * 0.28 || rare > value.length * 0.2;
}

/** A password chosen by people: with a digit, or signs within it, or several words. */
export function looksLikePassword(value: string, where: Surroundings): boolean {
  if (isNoValue(value, where) || isPath(value)) return false;
  if (looksRandom(value)) return true;
  if (where.isVariable) return /[A-Za-z0-9]/.test(value);
  if (where.isInList) return /^[^\s=]{4,}$/.test(value) && !/pass|pwd/i.test(value);
  if (/^[a-z]+(?:-[a-z]+){3,}$/.test(value)) return !/pass/.test(value);
  if (!where.isQuoted) return looksMixed(value);
  return looksMixed(value)
    ? !/pass/i.test(value)
    : /[A-Za-z].*[!@#$%^&*+=?~].*[A-Za-z!]/.test(value) && !/[\s/]/.test(value);
}

/** A generated key. */
export function looksLikeKey(value: string, where: Surroundings): boolean {
  if (isNoValue(value, where)) return false;
  if (isPath(value) && changesOfKind(value) * 3 < value.length) return false;
  if (looksRandom(value) || looksMixed(value) || looksUnspeakable(value)) return true;
  return where.isVariable ? value.length >= 12 : where.isInList && value.length >= 16 && /[+/=%]/.test(value);
}

/** For variables whose name is no proof: at least 16 characters, and random. */
export function looksLikeVariable(value: string, where: Surroundings): boolean {
  if (value.length < 12 || isNoValue(value, where) || isPath(value)) return false;
  return looksRandom(value) || looksMixed(value) || looksUnspeakable(value);
}

/** Without a conclusive name: long, of mixed case and with digits, unlike hashes and UUIDs. */
export function looksLikeCredential(value: string): boolean {
  return (
    value.length >= 20 &&
    /[0-9]/.test(value) &&
    /^[A-Za-z0-9_\-.+/=~:|%]+$/.test(value) &&
    /[a-z]/.test(value) &&
    /[A-Z]/.test(value) &&
    !isPath(value) &&
    !/^[a-z]{2,5}:/i.test(value)
  );
}

/** A hexadecimal key or a UUID, as used by many issuers; hashes look the same. */
export function looksLikeHexKey(value: string): boolean {
  return /^(?:[0-9a-f]{32,128}|[0-9A-F]{32,128}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.test(value);
}

/** A key of random letters and digits without any mark, as issued by AWS: recognised by how often the kinds change. */
export function looksMachineMade(value: string): boolean {
  return (
    /[0-9].*[0-9]/.test(value) &&
    /[a-z]/.test(value) &&
    /[A-Z]/.test(value) &&
    changesOfKind(value) * 5 >= value.length * 2
  );
}
