/** Names that say that what they name is a secret. */

/** Compared without case, dashes, underscores and spaces; the name may have anything before it. */
const ENDINGS = [
  "apikey",
  "apikeys",
  "secret",
  "secrets",
  "secretkey",
  "secretaccesskey",
  "accesskey",
  "accesskeyid",
  "privatekey",
  "privatekeyid",
  "signingkey",
  "encryptionkey",
  "subscriptionkey",
  "sessionkey",
  "password",
  "passwords",
  "passwd",
  "pwd",
  "passphrase",
  "authorization",
  "accesstoken",
  "refreshtoken",
  "idtoken",
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
  "clientassertion",
  "credential",
  "credentials",
  "connectionstring",
  "amzsignature",
  "googsignature",
];

const SECRET_ENDING = new RegExp(`(?:${ENDINGS.join("|")})$`);

/**
 * `token` alone is a word of the trade (log probabilities list tokens), `key` and `auth` are words of every
 * trade: their values are secrets only when they look like one.
 */
const AMBIGUOUS = /(?:token|auth|key|sig|jwt|bearer)$/;

/** `cookie`: secret, and a list of pairs. */
export type NameVerdict = "secret" | "cookie" | "ambiguous" | "plain";

const known = new Map<string, NameVerdict>();
const MAX_KNOWN = 4096;
const MAX_NAME = 64;

/** What a JSON key, form field, header or variable of this name holds. */
export function judgeName(name: string): NameVerdict {
  if (name.length < 3 || name.length > MAX_NAME) return "plain";
  let verdict = known.get(name);
  if (verdict === undefined) {
    verdict = judge(name.replace(/[-_\s.]/g, "").toLowerCase());
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(name, verdict);
  }
  return verdict;
}

function judge(bareName: string): NameVerdict {
  if (SECRET_ENDING.test(bareName)) return "secret";
  if (/cookies?$/.test(bareName)) return "cookie";
  return AMBIGUOUS.test(bareName) ? "ambiguous" : "plain";
}
