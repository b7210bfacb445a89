/** Prints events as they are written: JSON lines, or one line for a person each. */

import type { OximyEvent } from "../event/event.js";
import { feedLine } from "../sinks/feed.js";
import { printableJson } from "../terminal.js";

/** A printer for standard output. */
export function printEvent(json: boolean): (event: unknown) => void {
  const colour = process.stdout.isTTY && !process.env.NO_COLOR ? "ansi" : "none";
  let isRead = true;
  // Whoever read the feed has gone; the capture goes on.
  process.stdout.on("error", () => {
    isRead = false;
  });
  return (event) => {
    if (!isRead) return;
    process.stdout.write(`${json ? printableJson(event) : feedLine(event as OximyEvent, { colour })}\n`);
  };
}
