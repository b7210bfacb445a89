/** Names whose values are secrets. */

/** Compared without case, dashes, underscores, dots and spaces; the name may have any prefix. */
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
 * `token` also has another meaning for language models (log probabilities list tokens), and `key` and `auth` are
 * generic: their values are secrets only if they look like one.
 */
const AMBIGUOUS_ENDINGS = ["token", "auth", "key", "sig", "jwt", "bearer"];
const AMBIGUOUS = new RegExp(`(?:${AMBIGUOUS_ENDINGS.join("|")})$`);

/** Abbreviations of passwords and tokens, only as separate words: not `compass`, not `dispatch_pat`. */
const SHORT_PASSWORD = /(?:^|[^A-Za-z]|[a-z](?=P))(?:pass|Pass|PASS|pw|PW|psw|PSW)$/;
const SHORT_TOKEN = /_(?:PAT|pat)$/;

/** Environment variables: `AZURE_OPENAI_KEY`, `GITHUB_TOKEN`. */
const VARIABLE = /^[A-Z][A-Z0-9_]*_(?:KEY|TOKEN|AUTH|JWT|PAT|CREDS|SALT|COOKIE)$/;
/** Keys and tokens that are not credentials: `CACHE_KEY`, `EOS_TOKEN`. */
const OTHER_VARIABLE =
  /(?:CACHE|PRIMARY|PUBLIC|SORT|FOREIGN|PARTITION|HASH|INDEX|STORAGE|ROUTE|ROUTING|QUERY|PAD|EOS|BOS|UNK|MASK|SEP|CLS|HOT|SHORTCUT|REGISTRY|OBJECT|MAP|DICT|IDEMPOTENCY|LOOKUP|JSON|GROUP|UNIQUE|PAGE|NEXT|STOP|START|END)_[A-Z]+$/;

/** Case-insensitive letters, and one number for characters between the words of a name or at its end; others are 0. */
const LETTER = new Uint8Array(128);
const SEPARATOR = 27;
for (let code = 0; code < 128; code += 1) {
  const letter = (code | 0x20) - 0x60;
  const isDigit = code >= 0x30 && code <= 0x39;
  if (code >= 0x40 && letter >= 1 && letter <= 26) LETTER[code] = letter;
  else if (code <= 0x20 || isDigit || "-_.".includes(String.fromCharCode(code))) LETTER[code] = SEPARATOR;
}

/** Whether a name with these last three characters can be a known one. */
const LAST_THREE = new Uint8Array(32 ** 3);
// `value` is not the name of a secret, but may occur next to one.
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

/** False when no name that ends there in the text can be that of a secret. */
export function mayEndSecretName(text: string, end: number): boolean {
  return LAST_THREE[lastThree(text, end)] === 1;
}

/**
 * What a name implies about its value: `password` (chosen by people) and `secret` (generated) are certain; `variable`,
 * in an environment, is nearly so; `authorization`: a scheme and its credentials; `cookie`: a list of pairs;
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

/** Judges the name of a JSON key, form field, header or variable. */
export function judgeName(name: string): NameVerdict {
  if (name.length < 2 || name.length > MAX_NAME) return "plain";
  let verdict = known.get(name);
  if (verdict === undefined) {
    verdict = judgeEnding(name);
    if (known.size >= MAX_KNOWN) known.clear();
    // Copied, since a substring would keep the whole text in memory.
    known.set(Buffer.from(name, "utf16le").toString("utf16le"), verdict);
  }
  return verdict;
}

/** Like `judgeName`, for the name at the end of a text, and without caching. */
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
