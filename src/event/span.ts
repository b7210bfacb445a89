/** The half-open range of a credential in a text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A table of ASCII characters: 1 for those in `chars`. */
export function charCodes(chars: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const char of chars) table[char.charCodeAt(0)] = 1;
  return table;
}

export const LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/**
 * How a key continues after a line break inserted by terminals, mail or file readers: after a line number, or a quote
 * or diff marker.
 */
const NEXT_LINE =
  /(?:\\?\r?\n|(?:\\{1,4}r)?\\{1,4}n)[ \t]{0,40}(?:\d{1,6}(?:→|\t|:| ?\|) ?)?(?:[+>#|*-] ?)?([A-Za-z0-9_+/-]{6,}={0,2})(?=[\s"'`\\,;)]|$)/y;
const MAX_LINES = 40;

/** The final end of a key: it may continue on the next lines. */
export function endOverLines(text: string, start: number, end: number): number {
  const width = end - start;
  let last = end;
  if (width < 16) return last;
  for (let lines = 0; lines < MAX_LINES; lines += 1) {
    const next = text.charCodeAt(last);
    if (next !== 0x0a && next !== 0x0d && next !== 0x5c) break;
    NEXT_LINE.lastIndex = last;
    const part = NEXT_LINE.exec(text)?.[1];
    if (part === undefined || !goesOn(part)) break;
    last = NEXT_LINE.lastIndex;
  }
  return last;
}

/** Digits among letters, unlike a word, a variable name or a number. */
function goesOn(part: string): boolean {
  return (
    /[0-9]/.test(part) && /[A-Za-z][0-9]+[A-Za-z]|[0-9][A-Za-z]+[0-9]/.test(part) && !/^[A-Z0-9]+_/.test(part)
  );
}
