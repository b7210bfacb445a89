import type { Fields } from "./exchange.js";
import { ProtocolError } from "./guard.js";

const SPACE = 0x20;
const TAB = 0x09;
// White space or control characters in a name allow request smuggling (RFC 9112 §5.1); everything else is accepted.
const BAD_NAME = /[\x00-\x20\x7f]/;

/**
 * Parses the fields of an HTTP/1 section from its lines, without line terminators (RFC 9112 §5). Folded lines are
 * joined with a space (§5.2), except in fields that frame a message, where folding hides them from some parsers.
 */
export function parseFields(lines: readonly string[], from: number, to: number): Fields {
  const fields: Array<readonly [string, string]> = [];
  for (let i = from; i < to; i++) {
    const line = lines[i]!;
    const first = line.charCodeAt(0);
    if (first === SPACE || first === TAB) {
      const previous = fields.pop();
      if (previous === undefined) throw new ProtocolError("http1_bad_field");
      if (framesMessage(previous[0])) throw new ProtocolError("http1_folded_length");
      fields.push([previous[0], trimSpace(`${previous[1]} ${trimSpace(line)}`)]);
      continue;
    }
    const colon = line.indexOf(":");
    if (colon < 1) throw new ProtocolError("http1_bad_field");
    const name = line.slice(0, colon);
    if (BAD_NAME.test(name)) throw new ProtocolError("http1_bad_field");
    fields.push([name, trimSpace(line.slice(colon + 1))]);
  }
  return fields;
}

/** All values of a field, in order; `name` in lower case. */
export function fieldValues(fields: Fields, name: string): string[] {
  const values: string[] = [];
  for (const field of fields) {
    if (field[0].length === name.length && field[0].toLowerCase() === name) values.push(field[1]);
  }
  return values;
}

/** The first value of a field; `name` in lower case. */
export function fieldValue(fields: Fields, name: string): string | undefined {
  for (const field of fields) {
    if (field[0].length === name.length && field[0].toLowerCase() === name) return field[1];
  }
  return undefined;
}

/** The members of a comma-separated list, across all its fields, in lower case. */
export function fieldTokens(fields: Fields, name: string): string[] {
  const values = fieldValues(fields, name);
  if (values.length === 0) return values;
  return values
    .flatMap((value) => value.split(","))
    .map((token) => trimSpace(token).toLowerCase())
    .filter((token) => token !== "");
}

/** Removes surrounding SP and HTAB; String.trim would also remove the latin1 no-break space. */
export function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB;
}

function framesMessage(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === "content-length" || lower === "transfer-encoding";
}
