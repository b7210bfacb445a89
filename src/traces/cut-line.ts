/** Cuts large members from an event's line before it is parsed, since most of a line is not needed. */

import { Buffer } from "node:buffer";

/** Members whose values become null, by name; nested objects apply to nested members. */
export interface Cut {
  readonly [member: string]: Cut | "cut";
}

/** Without raw bodies, whose meaning is in the interaction. */
export const WITHOUT_BODIES: Cut = { interaction: { request: { _raw: "cut" }, response: { _raw: "cut" } } };

/** Leaves only numbers, names and times. */
export const WITHOUT_WORDS: Cut = {
  structure: "cut",
  interaction: {
    request: {
      messages: "cut",
      system: "cut",
      tools: "cut",
      prompt: "cut",
      input: "cut",
      requests: "cut",
      params: "cut",
      _raw: "cut",
    },
    response: {
      content: "cut",
      reasoning: "cut",
      tool_calls: "cut",
      choices: "cut",
      media: "cut",
      result: "cut",
      _raw: "cut",
    },
  },
};

const NULL = Buffer.from("null");
/** Most strings are shorter; the end of longer ones is found by `indexOf`, which is native. */
const NEAR = 64;
const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d];

/** The line with the members cut; unchanged if it is not a JSON object. */
export function cutLine(line: Buffer, cut: Cut): Buffer {
  const ranges: number[] = [];
  if (walkObject(line, skipSpace(line, 0), cut, ranges) < 0 || ranges.length === 0) return line;
  const pieces: Buffer[] = [];
  let kept = 0;
  for (let at = 0; at < ranges.length; at += 2) {
    pieces.push(line.subarray(kept, ranges[at]), NULL);
    kept = ranges[at + 1]!;
  }
  pieces.push(line.subarray(kept));
  return Buffer.concat(pieces);
}

/** Collects the values to cut in the object that begins at `at`; returns its end, or -1. */
function walkObject(line: Buffer, at: number, cut: Cut, ranges: number[]): number {
  if (line[at] !== OPEN_OBJECT) return -1;
  let next = skipSpace(line, at + 1);
  if (line[next] === CLOSE_OBJECT) return next + 1;
  for (;;) {
    const nameEnd = endOfString(line, next);
    if (nameEnd < 0) return -1;
    const colon = skipSpace(line, nameEnd);
    if (line[colon] !== COLON) return -1;
    const start = skipSpace(line, colon + 1);
    const name = line.toString("latin1", next + 1, nameEnd - 1);
    const wanted = Object.hasOwn(cut, name) ? cut[name] : undefined;
    const isInner = wanted !== undefined && wanted !== "cut" && line[start] === OPEN_OBJECT;
    const end = isInner ? walkObject(line, start, wanted, ranges) : endOfValue(line, start);
    if (end < 0) return -1;
    if (wanted === "cut") ranges.push(start, end);
    next = skipSpace(line, end);
    if (line[next] === CLOSE_OBJECT) return next + 1;
    if (line[next] !== COMMA) return -1;
    next = skipSpace(line, next + 1);
  }
}

/** Where the value that begins at `at` ends, or -1. */
function endOfValue(line: Buffer, at: number): number {
  const first = line[at];
  if (first === QUOTE) return endOfString(line, at);
  const isNested = first === OPEN_OBJECT || first === OPEN_LIST;
  let depth = 0;
  for (let next = at; next < line.length; next += 1) {
    const byte = line[next]!;
    if (byte === QUOTE) {
      next = endOfString(line, next) - 1;
      if (next < 0) return -1;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth += 1;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      if (!isNested) return next;
      depth -= 1;
      if (depth === 0) return next + 1;
    } else if (byte === COMMA && !isNested) return next;
  }
  return -1;
}

/** After the closing quote of the string that begins at `at`, or -1. */
function endOfString(line: Buffer, at: number): number {
  if (line[at] !== QUOTE) return -1;
  const near = Math.min(line.length, at + NEAR);
  let next = at + 1;
  for (; next < near; next += 1) {
    const byte = line[next];
    if (byte === QUOTE) return next + 1;
    if (byte === BACKSLASH) next += 1;
  }
  // `next` is behind any escaped character, so an escaped quote is not mistaken for the end.
  for (let quote = line.indexOf(QUOTE!, next); quote >= 0; quote = line.indexOf(QUOTE!, quote + 1)) {
    let backslashes = 0;
    while (quote - 1 - backslashes >= next && line[quote - 1 - backslashes] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return -1;
}

function skipSpace(line: Buffer, at: number): number {
  let next = at;
  while (line[next] === 0x20 || line[next] === 0x09 || line[next] === 0x0d) next += 1;
  return next;
}
