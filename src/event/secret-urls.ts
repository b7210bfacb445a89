import { isDescription, looksRandom, MARK } from "./secret-values.js";
import type { Span } from "./span.js";

/** `//user:password@`, as in RFC 3986. */
const USER_INFO = /\/\/[^\s/:@"'\\<>`]{0,64}:([^\s/@"'\\<>`]{3,256})@/y;
/** Databases and brokers: people do not escape `@` and `/` in passwords. */
const CONNECTION = /\/\/[^\s/:@"'\\<>`]{0,64}:([^\s"'\\<>`?]{3,256})@(?=[\w[])/y;
/** `//token@`: GitHub tokens, and keys in Sentry DSNs. */
const USER_ALONE = /\/\/([A-Za-z0-9_.~%+-]{16,256})@/y;
const WEB = /(?:https?|wss?|ftp|git|file|data)$/i;
const PORT = /^\d{1,5}(?:$|\/)/;
const TEMPLATE = /^(?:\$|%s|\{|\[|:|\*+$|\.{3}$)/;

/** The password or token in the URL whose `//` is there, after the colon of its scheme. */
export function secretOfUrl(text: string, slashes: number): Span | undefined {
  const isWeb = WEB.test(text.slice(Math.max(0, slashes - 7), slashes - 1));
  return (
    passwordOf(USER_INFO, text, slashes) ??
    (isWeb ? undefined : passwordOf(CONNECTION, text, slashes)) ??
    tokenOf(text, slashes)
  );
}

function passwordOf(shape: RegExp, text: string, slashes: number): Span | undefined {
  shape.lastIndex = slashes;
  const password = shape.exec(text)?.[1];
  if (password === undefined || PORT.test(password) || TEMPLATE.test(password)) return undefined;
  if (password.endsWith(MARK) || isDescription(password)) return undefined;
  let end = shape.lastIndex - 1;
  let start = end - password.length;
  if (shape === USER_INFO && !WEB.test(text.slice(Math.max(0, slashes - 7), slashes - 1))) {
    CONNECTION.lastIndex = slashes;
    const longer = CONNECTION.exec(text)?.[1];
    if (longer !== undefined) {
      end = CONNECTION.lastIndex - 1;
      start = end - longer.length;
    }
  }
  return { start, end };
}

function tokenOf(text: string, slashes: number): Span | undefined {
  USER_ALONE.lastIndex = slashes;
  const token = USER_ALONE.exec(text)?.[1];
  if (token === undefined || !looksRandom(token) || !/^[A-Za-z0-9_-]+$/.test(token)) return undefined;
  return { start: slashes + 2, end: slashes + 2 + token.length };
}
