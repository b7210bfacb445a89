/** Prints events as they are written: JSON lines, or one line for a person each. */

import type { OximyEvent } from "../event/event.js";
import { type FeedStyle, feedLine } from "../sinks/feed.js";
import { printableJson } from "../terminal.js";

/** That of standard output. */
export function feedStyle(): FeedStyle {
  return { colour: process.stdout.isTTY && !process.env.NO_COLOR ? "ansi" : "none" };
}

/** A printer for standard output. */
export function printEvent(json: boolean): (event: unknown) => void {
  const style = feedStyle();
  let isRead = true;
  // Whoever read the feed has gone; the capture goes on.
  process.stdout.on("error", () => {
    isRead = false;
  });
  return (event) => {
    if (!isRead) return;
    process.stdout.write(`${json ? printableJson(event) : feedLine(event as OximyEvent, style)}\n`);
  };
}
