/** Names that say that what they name is a secret. */

/** Compared without case, dashes, underscores, dots and spaces; the name may have anything before it. */
const ENDINGS = [
  "apikey",
  "apikeys",
  "secret",
  "secrets",
  "secretkey",
  "secretkeybase",
  "secretaccesskey",
  "accesskey",
  "accesskeyid",
  "sharedaccesskey",
  "accountkey",
  "masterkey",
  "adminkey",
  "authkey",
  "hmackey",
  "servicerolekey",
  "privatekey",
  "privatekeyid",
  "presharedkey",
  "clientkeydata",
  "signingkey",
  "encryptionkey",
  "subscriptionkey",
  "sessionkey",
  "licensekey",
  "deploykey",
  "password",
  "passwords",
  "passwd",
  "pwd",
  "passphrase",
  "passcode",
  "authorization",
  "accesstoken",
  "refreshtoken",
  "idtoken",
  "identitytoken",
  "authtoken",
  "bearertoken",
  "sessiontoken",
  "securitytoken",
  "oauthtoken",
  "csrftoken",
  "xsrftoken",
  "apitoken",
  "bottoken",
  "usertoken",
  "vaulttoken",
  "clientassertion",
  "credential",
  "credentials",
  "connectionstring",
  "amzsignature",
  "googsignature",
];

const SECRET_ENDING = new RegExp(`(?:${ENDINGS.join("|")})$`);
const PASSWORD_ENDING = /(?:passwords?|passwd|pwd|passphrase|passcode)$/;

/**
 * `token` alone is a word of the trade (log probabilities list tokens), `key` and `auth` are words of every
 * trade: their values are secrets only when they look like one.
 */
const AMBIGUOUS_ENDINGS = ["token", "auth", "key", "sig", "jwt", "bearer"];
const AMBIGUOUS = new RegExp(`(?:${AMBIGUOUS_ENDINGS.join("|")})$`);

/** Short for passwords and tokens, where they are a word of their own: not `compass`, not `dispatch_pat`. */
const SHORT_PASSWORD = /(?:^|[^A-Za-z]|[a-z](?=P))(?:pass|Pass|PASS|pw|PW|psw|PSW)$/;
const SHORT_TOKEN = /_(?:PAT|pat)$/;

/** Variables of an environment: `AZURE_OPENAI_KEY`, `GITHUB_TOKEN`. */
const VARIABLE = /^[A-Z][A-Z0-9_]*_(?:KEY|TOKEN|AUTH|JWT|PAT|CREDS|SALT|COOKIE)$/;
/** Keys and tokens that are none of a lock. */
const OTHER_VARIABLE =
  /(?:CACHE|PRIMARY|PUBLIC|SORT|FOREIGN|PARTITION|HASH|INDEX|STORAGE|ROUTE|ROUTING|QUERY|PAD|EOS|BOS|UNK|MASK|SEP|CLS|HOT|SHORTCUT|REGISTRY|OBJECT|MAP|DICT|IDEMPOTENCY|LOOKUP|JSON|GROUP|UNIQUE|PAGE|NEXT|STOP|START|END)_[A-Z]+$/;

/** Letters without case, and one number for what may stand between the words of a name or end it; others are 0. */
const LETTER = new Uint8Array(128);
const SEPARATOR = 27;
for (let code = 0; code < 128; code += 1) {
  const letter = (code | 0x20) - 0x60;
  const isDigit = code >= 0x30 && code <= 0x39;
  if (code >= 0x40 && letter >= 1 && letter <= 26) LETTER[code] = letter;
  else if (code <= 0x20 || isDigit || "-_.".includes(String.fromCharCode(code))) LETTER[code] = SEPARATOR;
}

/** By the last three characters of a name: whether it can be one that is known. */
const LAST_THREE = new Uint8Array(32 ** 3);
// `value` names no secret, but may stand beside the name of one.
for (const ending of [
  ...ENDINGS,
  ...AMBIGUOUS_ENDINGS,
  "cookie",
  "cookies",
  "value",
  "pass",
  "creds",
  "tid",
]) {
  LAST_THREE[lastThree(ending, ending.length)] = 1;
}
for (let three = 0; three < LAST_THREE.length; three += 1) {
  if ([three >> 10, (three >> 5) & 31, three & 31].includes(SEPARATOR)) LAST_THREE[three] = 1;
}

function lastThree(text: string, end: number): number {
  return (
    (letterOf(text.charCodeAt(end - 3)) << 10) |
    (letterOf(text.charCodeAt(end - 2)) << 5) |
    letterOf(text.charCodeAt(end - 1))
  );
}

function letterOf(code: number): number {
  return code < 128 ? LETTER[code]! : SEPARATOR;
}

/** False when no name that ends there in the text can say that it names a secret. */
export function mayEndSecretName(text: string, end: number): boolean {
  return LAST_THREE[lastThree(text, end)] === 1;
}

/**
 * What a name says of its value: `password` and `secret` for sure, people's own and machines'; `variable` of a
 * program's environment, nearly so; `authorization`: a scheme and what belongs to it; `cookie`: a list of pairs;
 * `ambiguous`: a secret if it looks like one.
 */
export type NameVerdict =
  | "password"
  | "secret"
  | "authorization"
  | "variable"
  | "cookie"
  | "ambiguous"
  | "plain";

const known = new Map<string, NameVerdict>();
const MAX_KNOWN = 4096;
const MAX_NAME = 64;

/** What a JSON key, form field, header or variable of this name holds. */
export function judgeName(name: string): NameVerdict {
  if (name.length < 2 || name.length > MAX_NAME) return "plain";
  let verdict = known.get(name);
  if (verdict === undefined) {
    verdict = judgeEnding(name);
    if (known.size >= MAX_KNOWN) known.clear();
    // A copy: a name that is a piece of a text would keep the whole text in memory.
    known.set(Buffer.from(name, "utf16le").toString("utf16le"), verdict);
  }
  return verdict;
}

/** As `judgeName`, of the name that a text ends in, and without remembering it. */
export function judgeEnding(text: string): NameVerdict {
  const name = text.replace(/[-_.]?\d{1,2}$/, "");
  const bareName = name.replace(/[-_\s.]/g, "").toLowerCase();
  if (bareName.endsWith("authorization")) return "authorization";
  if (PASSWORD_ENDING.test(bareName) || SHORT_PASSWORD.test(name)) return "password";
  if (SECRET_ENDING.test(bareName)) return "secret";
  if (VARIABLE.test(name)) return OTHER_VARIABLE.test(name) ? "ambiguous" : "variable";
  if (SHORT_TOKEN.test(name)) return "variable";
  if (/cookies?$/.test(bareName)) return "cookie";
  return AMBIGUOUS.test(bareName) ? "ambiguous" : "plain";
}
