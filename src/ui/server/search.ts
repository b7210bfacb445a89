/** Full-text search in the lines of events, newest file first, in constant memory. */

import { placedLinesOf } from "../../traces/placed-lines.js";
import type { Match } from "../wire.js";
import type { Catalogue, Catalogued } from "./catalogue.js";

/** Number of matches that get an excerpt. */
const EXCERPTS = 300;
const AROUND = 70;

/**
 * Finds a text in a line of JSON, case-insensitive; returns its offset or -1.
 *
 * Bytes are searched as Latin-1, which is about ten times as fast as decoding them. A text with non-ASCII letters is
 * searched in the decoded line, since its bytes could match as other letters.
 */
export function finder(text: string): (line: Buffer) => number {
  const inJson = JSON.stringify(text).slice(1, -1);
  const escaped = inJson.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
  const isAscii = /^[\x00-\x7f]*$/.test(text);
  if (isAscii) {
    const pattern = new RegExp(escaped, "i");
    return (line) => line.toString("latin1").search(pattern);
  }
  const pattern = new RegExp(escaped, "iu");
  return (line) => {
    const decoded = line.toString();
    const at = decoded.search(pattern);
    return at <= 0 ? at : Buffer.byteLength(decoded.slice(0, at));
  };
}

/** The events whose line contains the text, until `signal` aborts. Rejects with read errors. */
export async function* search(
  catalogue: Catalogue,
  text: string,
  signal: AbortSignal,
): AsyncGenerator<Match[]> {
  const find = finder(text);
  let sent = 0;
  for (const file of [...catalogue.files]) {
    for await (const matches of searchFile(file, find, text.length)) {
      if (signal.aborted) return;
      yield matches.map(({ id, excerpt }) => (sent++ < EXCERPTS ? { id, excerpt } : { id }));
    }
    if (signal.aborted) return;
  }
}

async function* searchFile(
  { file, entries }: Catalogued,
  find: (line: Buffer) => number,
  length: number,
): AsyncGenerator<Required<Match>[]> {
  let next = 0;
  for await (const lines of placedLinesOf(file)) {
    const matches: Required<Match>[] = [];
    for (const { line, at } of lines) {
      while (next < entries.length && entries[next]!.at < at) next += 1;
      const entry = entries[next];
      // Not an event, or added since.
      if (entry?.at !== at) continue;
      const found = find(line);
      if (found >= 0) matches.push({ id: entry.row.id, excerpt: excerptOf(line, found, length) });
    }
    yield matches;
  }
}

function excerptOf(line: Buffer, at: number, length: number): string {
  const start = Math.max(0, at - AROUND);
  const piece = line.toString("utf8", start, at + 4 * length + AROUND);
  return piece
    .replace(/^\ufffd+|\ufffd+$/g, "")
    .replace(/\\[nrt]/g, " ")
    .replace(/\\(["\\/])/g, "$1");
}
