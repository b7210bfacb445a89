/**
 * Finds credentials in text. Possible positions are found by native searches for a few characters, and by skipping from
 * one long run of characters to the next. Only these are examined closely, up to a fixed distance, so that the time is
 * always linear in the text.
 */

import { privateKeyAt, startOfPuttyKey } from "./private-keys.js";
import { secretAssigned } from "./secret-assigned.js";
import {
  passwordOfDataSource,
  passwordOfNetrc,
  secretOfElement,
  secretOfFlag,
  secretOfShortFlag,
} from "./secret-commands.js";
import { anyRun, secretInRun } from "./secret-runs.js";
import {
  REQUIREPASS,
  secretOfArgument,
  secretOfRequirepass,
  secretOfStatement,
} from "./secret-statements.js";
import type { Span } from "./span.js";

export type { Span } from "./span.js";

/** The shortest known text with a credential: `pwd=hunter22`. */
export const SHORTEST_TEXT = 12;
/** Base64 nested in base64 is decoded, and no deeper. */
const MAX_DECODED = 2;

/** Examines a position in a text; returns the credential that contains, begins or ends at it. */
type Look = (text: string, at: number) => Span | undefined;

/** Credentials are looked for at each of these marks. */
const PLACES: ReadonlyArray<readonly [mark: string, look: Look]> = [
  [":", secretAssigned],
  ["=", secretAtEquals],
  ["-", secretAtDash],
  ["@", passwordOfDataSource],
  ["</", secretOfElement],
  ["machine ", passwordOfNetrc],
  ["'", secretAtQuote],
  ['",', secretOfArgument],
  [REQUIREPASS, secretOfRequirepass],
];

const COMMA = 0x2c;
const DASH = 0x2d;

function secretAtEquals(text: string, at: number): Span | undefined {
  const assigned = secretAssigned(text, at);
  const stated = secretOfStatement(text, at);
  return assigned === undefined || (stated !== undefined && stated.end > assigned.end) ? stated : assigned;
}

function secretAtQuote(text: string, at: number): Span | undefined {
  return text.charCodeAt(at + 1) === COMMA ? secretOfArgument(text, at) : secretOfStatement(text, at);
}

/** An armoured private key, `--api-key VALUE`, `-u user:password` or `-storepass PASSWORD`. */
export function secretAtDash(text: string, at: number): Span | undefined {
  const stated = secretOfStatement(text, at);
  if (stated !== undefined) return stated;
  const putty = startOfPuttyKey(text, at);
  if (putty >= 0) return privateKeyAt(text, putty);
  if (text.charCodeAt(at - 1) === DASH) return undefined;
  if (text.charCodeAt(at + 1) !== DASH) return secretOfShortFlag(text, at);
  return text.charCodeAt(at + 2) === DASH ? privateKeyAt(text, at) : secretOfFlag(text, at);
}

/** The positions of credentials, in order, without overlaps. */
export function findSecrets(text: string): Span[] {
  const found: Span[] = [];
  eachSecret(text, 0, (secret) => {
    found.push(secret);
    return false;
  });
  return joined(found);
}

/** Whether the text contains a credential; stops at the first. */
export function holdsSecret(text: string): boolean {
  return eachSecret(text, 0, () => true);
}

/** Whether the text contains a credential recognised by its form alone. */
export function holdsSecretRun(text: string): boolean {
  return eachSecretRun(text, 0, () => true);
}

function eachSecret(text: string, decoded: number, visit: (secret: Span) => boolean): boolean {
  return (
    eachSecretRun(text, decoded, visit) || PLACES.some(([mark, look]) => eachPlace(text, mark, look, visit))
  );
}

function eachSecretRun(text: string, decoded: number, visit: (secret: Span) => boolean): boolean {
  const within = (inner: string) => decoded < MAX_DECODED && eachSecret(inner, decoded + 1, () => true);
  return anyRun(text, (start, end) => {
    for (let from = start; end - from >= 2; ) {
      const secret = secretInRun(text, from, end, within);
      if (secret === undefined) return false;
      if (visit(secret)) return true;
      from = secret.end;
    }
    return false;
  });
}

function eachPlace(text: string, mark: string, look: Look, visit: (secret: Span) => boolean): boolean {
  for (let at = text.indexOf(mark); at >= 0; ) {
    const secret = look(text, at);
    if (secret !== undefined && visit(secret)) return true;
    at = text.indexOf(mark, secret === undefined ? at + 1 : Math.max(at + 1, secret.end));
  }
  return false;
}

/** Sorts them, and merges overlapping ones. */
function joined(secrets: Span[]): Span[] {
  if (secrets.length < 2) return secrets;
  const spans: Span[] = [];
  for (const secret of secrets.sort((one, other) => one.start - other.start)) {
    const last = spans.at(-1);
    if (last === undefined || secret.start >= last.end) spans.push(secret);
    else if (secret.end > last.end) spans[spans.length - 1] = { start: last.start, end: secret.end };
  }
  return spans;
}
