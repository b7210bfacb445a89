/**
 * A fast check that clears most JSON texts of containing credentials in their values. It judges the JSON text like
 * plain text, or more strictly, and escapes do not hide credentials. There are no false negatives.
 */

import { startOfPuttyKey, startsPrivateKey } from "./private-keys.js";
import { NAME, QUOTING, secretWithSign } from "./secret-assigned.js";
import { NAMED_FLAG, passwordOfDataSource } from "./secret-commands.js";
import { judgeEnding, judgeName, mayEndSecretName, type NameVerdict } from "./secret-names.js";
import { endOfStatement, REQUIREPASS, secretOfArgument } from "./secret-statements.js";
import { holdsSecretRun, secretAtDash } from "./secrets.js";

type Suspicion = (json: string, at: number) => boolean;

const SUSPICIONS: ReadonlyArray<readonly [mark: string, isSuspect: Suspicion]> = [
  [":", mayAssignSecret],
  ["=", mayAssignSecret],
  ["-", mayBeginSecretAtDash],
  ["@", (json, at) => passwordOfDataSource(json, at) !== undefined],
  ["</", mayEndElement],
  ["machine ", () => true],
  ["machine\\", () => true],
  [
    "'",
    (json, at) =>
      json.charCodeAt(at + 1) === COMMA
        ? secretOfArgument(json, at) !== undefined
        : endOfStatement(json, at) >= 0,
  ],
  ['",', (json, at) => secretOfArgument(json, at) !== undefined],
  [REQUIREPASS, () => true],
];

/** Whether the values of a JSON text may contain a credential, or a field with the name of one. */
export function jsonMayHoldSecret(json: string): boolean {
  return (
    json.includes("\\u") ||
    json.includes("\\/") ||
    holdsSecretRun(json) ||
    SUSPICIONS.some(([mark, isSuspect]) => anyPlace(json, mark, isSuspect))
  );
}

function anyPlace(json: string, mark: string, isSuspect: Suspicion): boolean {
  for (let at = json.indexOf(mark); at >= 0; at = json.indexOf(mark, at + 1)) {
    if (isSuspect(json, at)) return true;
  }
  return false;
}

function mayBeginSecretAtDash(json: string, at: number): boolean {
  if (endOfStatement(json, at) >= 0 || startOfPuttyKey(json, at) >= 0) return true;
  NAMED_FLAG.lastIndex = at;
  const flag = json.charCodeAt(at + 1) === DASH ? NAMED_FLAG.exec(json)?.[1] : undefined;
  return (
    (flag !== undefined && judgeName(flag) !== "plain") ||
    startsPrivateKey(json, at) ||
    secretAtDash(json, at) !== undefined
  );
}

const COMMA = 0x2c;
const DASH = 0x2d;
const EQUALS = 0x3d;
const BRACE = 0x7b;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
/** Maximum length of the names that are judged. */
const WINDOW = 64;
const USER_INFO = /\/\/[^\s"']{4,400}@/y;
const JWK = /: {0,2}\\{0,3}"[A-Za-z0-9_-]{42}/y;

/** Does not check the assigned value, except for `{`: `"password": {…}` in a schema is not a credential. */
function mayAssignSecret(json: string, at: number): boolean {
  const next = json.charCodeAt(at + 1);
  if (next === SLASH) {
    USER_INFO.lastIndex = at + 1;
    return USER_INFO.test(json);
  }
  if (secretWithSign(json, at) !== undefined) return true;
  if (json.charCodeAt(at) === EQUALS && endOfStatement(json, at) >= 0) return true;
  let end = at;
  if (json.charCodeAt(end - 1) === 0x3a) end -= 1;
  while (QUOTING[json.charCodeAt(end - 1)] === 1) end -= 1;
  // An escaped line feed or tab counts as white space between name and colon.
  while (json.charCodeAt(end - 2) === BACKSLASH && "nrt".includes(json[end - 1]!)) {
    end -= 2;
    while (QUOTING[json.charCodeAt(end - 1)] === 1) end -= 1;
  }
  if (!mayEndSecretName(json, end) || next === BRACE) return false;
  let start = end;
  while (end - start < WINDOW && NAME[json.charCodeAt(start - 1)] === 1) start -= 1;
  const name = json.slice(start, end);
  // `{"name": "api_key", "value": …}`
  if (name === "value") return true;
  const verdict = judgeName(name);
  if (verdict !== "plain" && mayBeValue(json, at + 1, verdict)) return true;
  if (name === "d" || name === "k") {
    JWK.lastIndex = at;
    return JWK.test(json);
  }
  const before = json.charCodeAt(start - 1);
  const isSpaced = before <= 0x20 || before > 127;
  if (!isSpaced) return false;
  const spaced = judgeEnding(json.slice(Math.max(0, end - WINDOW), end));
  return spaced !== "plain" && mayBeValue(json, at + 1, spaced);
}

/** The beginning of a value with twelve of its characters, or of a list of values. */
const LONG_VALUE = /(?:>?(?:["'`\s]|\\{1,4}[nrt]?){0,24})(?:\[|[^\s"'`\\]{12})/y;

/** For an ambiguous name, the value must be as long as `secretValue` and fields of that name require. */
function mayBeValue(json: string, at: number, verdict: NameVerdict): boolean {
  if (verdict !== "ambiguous") return true;
  LONG_VALUE.lastIndex = at;
  return LONG_VALUE.test(json);
}

const END_TAG = /<\/(?:[\w-]{1,32}:)?([A-Za-z][\w.-]{1,63})>/y;

function mayEndElement(json: string, at: number): boolean {
  END_TAG.lastIndex = at;
  const name = END_TAG.exec(json)?.[1];
  return name !== undefined && judgeName(name) !== "plain";
}
