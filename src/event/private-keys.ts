import type { Span } from "./span.js";

/**
 * Armoured private keys: PEM (RFC 7468 §10, RFC 1421), OpenSSH, SSH2 (RFC 4716), PGP, PuTTY's PPK. They occur as in
 * files, in JSON with `\n`, indented, quoted, with line numbers or diff markers.
 */
const HEAD =
  /-{4,5} ?BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)? ?-{4,5}|PuTTY-User-Key-File-\d:|Private-Lines: {0,8}\d{1,3}/y;
/** Between two lines of a key: non-key characters, possibly with a line number and escaped line feeds. */
const BETWEEN =
  /(?:[^A-Za-z0-9+/=\\]|\\{1,4}(?:[nrt"']|u000[ad])|[+/](?=[\s+]{0,4}[A-Za-z0-9+/=-]{8})|\d{1,6}(?=→|\t|:| ?\|)|\\{1,2}(?=\r?\n)){1,160}/y;
const FIELD =
  /(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset|Subject|Public-Lines|Encryption|x-[\w-]{1,32}):[^\r\n\\]{0,160}/y;
const LINE = /[A-Za-z0-9+/]{16,}={0,2}/y;
/** The last line, and the checksum of OpenPGP. */
const LAST_LINE = /[A-Za-z0-9+/]{1,15}={0,2}|=[A-Za-z0-9+/]{4}/y;
const FOOT = /-{4,5} ?END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)? ?-{4,5}/y;
const MAX_FIELDS = 8;

/** Whether an armoured private key starts there. */
export function startsPrivateKey(text: string, start: number): boolean {
  HEAD.lastIndex = start;
  return HEAD.test(text);
}

const PUTTY = "PuTTY-User-Key-File";
const BEFORE_DASH = "PuTTY".length;
const Y = 0x59;

/** Start of the PuTTY key whose first dash is there; -1 when there is none. */
export function startOfPuttyKey(text: string, dash: number): number {
  const isPutty = text.charCodeAt(dash - 1) === Y && text.startsWith(PUTTY, dash - BEFORE_DASH);
  return isPutty ? dash - BEFORE_DASH : -1;
}

/** The armoured private key starting there, even if it is incomplete. */
export function privateKeyAt(text: string, start: number): Span | undefined {
  if (!startsPrivateKey(text, start)) return undefined;
  let at = HEAD.lastIndex;
  let end = -1;
  for (let fields = 0; fields <= MAX_FIELDS; ) {
    const next = endOf(BETWEEN, text, at);
    if (next < 0) break;
    const line = endOf(LINE, text, next);
    if (line >= 0) {
      at = line;
      end = line;
      continue;
    }
    const field = end < 0 ? endOf(FIELD, text, next) : -1;
    if (field < 0) break;
    at = field;
    fields += 1;
  }
  return end < 0 ? undefined : { start, end: endOfFoot(text, end) };
}

/** The end of the armour, or of the key's last line when the footer is missing. */
function endOfFoot(text: string, lastLine: number): number {
  let end = lastLine;
  for (let lines = 0; lines < 3; lines += 1) {
    // The dashes of the footer match the pattern between lines.
    const foot = footAfter(text, end);
    if (foot >= 0) return foot;
    const next = endOf(BETWEEN, text, end);
    const last = next < 0 ? -1 : endOf(LAST_LINE, text, next);
    if (last < 0) return end;
    // A word that follows on the same line is not part of the key.
    if (!/\n|\\[nr]/.test(text.slice(end, next))) return end;
    end = last;
  }
  return end;
}

function footAfter(text: string, at: number): number {
  const between = endOf(BETWEEN, text, at);
  if (between < 0) return -1;
  const dashes = text.lastIndexOf("-----", between);
  if (dashes >= at && dashes <= between) {
    const foot = endOf(FOOT, text, dashes);
    if (foot >= 0) return foot;
  }
  const four = text.lastIndexOf("---- ", between);
  return four >= at ? endOf(FOOT, text, four) : -1;
}

function endOf(shape: RegExp, text: string, at: number): number {
  if (at < 0) return -1;
  shape.lastIndex = at;
  return shape.test(text) ? shape.lastIndex : -1;
}
