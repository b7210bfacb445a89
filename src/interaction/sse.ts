import { createParser } from "eventsource-parser";
import type { StreamChunk } from "./interaction.js";
import { isObject, parseLoosely } from "./json.js";
import { MAX_CHUNKS } from "./json-sequence.js";
import { keepListSource } from "./json-source.js";

/**
 * The events of an event stream (WHATWG HTML §9.2), with JSON data parsed. An event at the end without closing empty
 * line is included: several servers end like this, and the official SDKs accept it. Some servers send no empty lines at
 * all: if the parser's joined data is not JSON, it is read line by line.
 */
export function readEventStream(text: string): StreamChunk[] {
  // Every event has a minimum length: such a short text cannot contain too many.
  const pieces = text.length < MAX_CHUNKS * SHORTEST_EVENT ? [text] : piecesOf(text);
  const chunks: StreamChunk[] = [];
  const sources: string[] = [];
  const add = (data: string, event?: string): void => {
    if (chunks.length >= MAX_CHUNKS) return;
    const { value = data, exact } = parseLoosely(data);
    chunks.push(event === undefined ? { data: value } : { event, data: value });
    sources.push(exact ? data : JSON.stringify(value));
  };
  const parser = createParser({
    onEvent: ({ event, data }) => {
      const lines = separateLines(data);
      if (lines) for (const line of lines) add(line);
      else add(data, event);
    },
  });
  for (const piece of pieces) {
    if (chunks.length >= MAX_CHUNKS) break;
    parser.feed(piece);
  }
  if (chunks.length < MAX_CHUNKS) parser.feed("\n\n");
  keepListSource(chunks, sources);
  return chunks;
}

/** Lines that are separate chunks: together they are not JSON, but the first one alone is. */
function separateLines(data: string): string[] | undefined {
  const end = data.indexOf("\n");
  if (end < 0 || !isObject(parseLoosely(data.slice(0, end)).value)) return undefined;
  if (parseLoosely(data).value !== undefined) return undefined;
  return data.split("\n").filter((line) => line !== "");
}

/** `data:`, a character and an empty line. */
const SHORTEST_EVENT = 8;
/** Characters passed to the parser at a time, which limits by how many events the bound can be exceeded. */
const PIECE = 64 << 10;

function* piecesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += PIECE) yield text.slice(at, at + PIECE);
}

/** Index after the first empty line, where the first complete event of a fragment starts. */
export function firstEventBorder(text: string): number {
  const border = /\r\n\r\n|\n\n|\r\r/.exec(text);
  return border ? border.index + border[0].length : text.length;
}
