import type { Span } from "./span.js";

/**
 * Private keys in their armours: PEM (RFC 7468 §10, RFC 1421), OpenSSH, SSH2 (RFC 4716), PGP, PuTTY's PPK. They come
 * as they stand in files, in JSON with `\n`, indented, quoted, with the numbers of lines or the marks of a diff.
 */
const HEAD =
  /-{4,5} ?BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)? ?-{4,5}|PuTTY-User-Key-File-\d:|Private-Lines: {0,8}\d{1,3}/y;
/** Between two lines of a key: anything but the letters of one, with the number of a line and escaped line feeds. */
const BETWEEN = String.raw`(?:[^A-Za-z0-9+/=\\]|\\{1,4}(?:[nrt"']|u000[ad])|[+/](?=[\s]{0,4}[A-Za-z0-9+/=]{8})|\d{1,6}(?=→|\t|:| ?\|)|\\{1,2}(?=\r?\n)){1,160}`;
const FIELDS = String.raw`(?:${BETWEEN}(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|Subject|Public-Lines|Encryption|x-[\w-]{1,32}):[^\r\n\\]{0,160}){0,6}`;
const BODY = new RegExp(
  `${FIELDS}(?:${BETWEEN}[A-Za-z0-9+/]{16,}={0,2})+(?:${BETWEEN}[A-Za-z0-9+/]{1,64}={0,2}(?=${BETWEEN}(?:=[A-Za-z0-9+/]{4}|-{4}|$)|$))?`,
  "y",
);
const FOOT =
  /[^A-Za-z0-9]{0,64}(?:[nrt]|\d{1,6}(?:→|\t|:| ?\|)|=[A-Za-z0-9+/]{4}|[^A-Za-z0-9]){0,24}-{4,5} ?END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)? ?-{4,5}/y;

/** Whether a private key's armour begins there. */
export function startsPrivateKey(text: string, start: number): boolean {
  HEAD.lastIndex = start;
  return HEAD.test(text);
}

/** The private key whose armour begins there, as far as it is there. */
export function privateKeyAt(text: string, start: number): Span | undefined {
  if (!startsPrivateKey(text, start)) return undefined;
  BODY.lastIndex = HEAD.lastIndex;
  if (!BODY.test(text)) return undefined;
  FOOT.lastIndex = BODY.lastIndex;
  return { start, end: FOOT.test(text) ? FOOT.lastIndex : BODY.lastIndex };
}
