import { createParser } from "eventsource-parser";
import type { StreamChunk } from "./interaction.js";
import { parseJson } from "./json.js";
import { keepListSource } from "./json-source.js";

/**
 * The events of an event stream (WHATWG HTML §9.2), with their data parsed where it is JSON. An event at the
 * end that no empty line closed is given as well: several servers end so, and the official SDKs read it.
 */
export function readEventStream(text: string): StreamChunk[] {
  const chunks: StreamChunk[] = [];
  const sources: string[] = [];
  const parser = createParser({
    onEvent: ({ event, data }) => {
      const parsed = parseJson(data) ?? data;
      chunks.push(event === undefined ? { data: parsed } : { event, data: parsed });
      sources.push(parsed === data ? JSON.stringify(data) : data);
    },
  });
  parser.feed(text);
  parser.feed("\n\n");
  keepListSource(chunks, sources);
  return chunks;
}

/** Index after the first empty line: where the first whole event of a piece from the middle starts. */
export function firstEventBorder(text: string): number {
  const border = /\r\n\r\n|\n\n|\r\r/.exec(text);
  return border ? border.index + border[0].length : text.length;
}
