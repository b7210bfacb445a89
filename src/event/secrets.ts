/**
 * Finds credentials in text. Places where one can begin are found by native searches for a few characters and by
 * leaps from one long run of characters to the next; only there it is looked closer, no further than a fixed
 * distance, so that the time is linear in the text whatever it holds.
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

/** Shortest text with a credential in it that we know of: `pwd=hunter22`. */
export const SHORTEST_TEXT = 12;
/** Text in base64 in text in base64 is looked into, and no further. */
const MAX_DECODED = 2;

/** Looks at a place of a text; the credential that is there, or that begins or ends there. */
type Look = (text: string, at: number) => Span | undefined;

/** Where credentials are to be looked for: at each of these marks. */
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

/** A private key's armour, `--api-key VALUE`, `-u user:password` or `-storepass PASSWORD`. */
export function secretAtDash(text: string, at: number): Span | undefined {
  const stated = secretOfStatement(text, at);
  if (stated !== undefined) return stated;
  const putty = startOfPuttyKey(text, at);
  if (putty >= 0) return privateKeyAt(text, putty);
  if (text.charCodeAt(at - 1) === DASH) return undefined;
  if (text.charCodeAt(at + 1) !== DASH) return secretOfShortFlag(text, at);
  return text.charCodeAt(at + 2) === DASH ? privateKeyAt(text, at) : secretOfFlag(text, at);
}

/** Where the credentials are, in order, without overlaps. */
export function findSecrets(text: string): Span[] {
  const found: Span[] = [];
  eachSecret(text, 0, (secret) => {
    found.push(secret);
    return false;
  });
  return joined(found);
}

/** Whether there is a credential in the text: stops at the first. */
export function holdsSecret(text: string): boolean {
  return eachSecret(text, 0, () => true);
}

/** Whether there is one that is told by its looks alone. */
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

/** In order, overlapping ones made one. */
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
