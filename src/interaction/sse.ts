import { createParser } from "eventsource-parser";
import type { StreamChunk } from "./interaction.js";
import { jsonOrText } from "./json.js";

/**
 * The events of an event stream (WHATWG HTML §9.2), with their data parsed where it is JSON. An event at the
 * end that no empty line closed is given as well: several servers end so, and the official SDKs read it.
 */
export function readEventStream(text: string): StreamChunk[] {
  const chunks: StreamChunk[] = [];
  const parser = createParser({
    onEvent: ({ event, data }) => {
      chunks.push(event === undefined ? { data: jsonOrText(data) } : { event, data: jsonOrText(data) });
    },
  });
  parser.feed(text);
  parser.feed("\n\n");
  return chunks;
}

/** Index after the first empty line: where the first whole event of a piece from the middle starts. */
export function firstEventBorder(text: string): number {
  const border = /\r\n\r\n|\n\n|\r\r/.exec(text);
  return border ? border.index + border[0].length : text.length;
}
