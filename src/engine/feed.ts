/** Prints events as they are written: JSON lines, or one line for a person each; at the end what each app did. */

import type { OximyEvent } from "../event/event.js";
import { type FeedStyle, feedLine } from "../sinks/feed.js";
import { isDrawable, printableJson, printError } from "../terminal.js";
import { AppSummary } from "../traces/app-summary.js";
import { transcriptOf } from "../traces/transcript.js";
import { StatusLine } from "./status-line.js";

export interface FeedOptions {
  readonly json: boolean;
  /** Below its line, what was said and answered. */
  readonly showContent?: boolean;
  /** What is printed of an event, in the place of all that. */
  readonly textOf?: (event: OximyEvent) => string;
}

/** That of standard output, as wide as it is now. */
export function feedStyle(): FeedStyle {
  const { isTTY, columns } = process.stdout;
  if (!isTTY) return { colour: "none" };
  return { colour: process.env.NO_COLOR ? "none" : "ansi", ...(columns > 0 && { width: columns }) };
}

/** The lines of one event for a person. */
export function eventText(event: OximyEvent, style: FeedStyle, showContent = false): string {
  const line = feedLine(event, style);
  if (!showContent || event.interaction === undefined) return line;
  const [, ...words] = transcriptOf(event, { tools: "folded" });
  return [line, ...words.map((words) => (words === "" ? "" : `  ${words}`))].join("\n");
}

/** A printer for standard output. */
export class Feed {
  private readonly summary = new AppSummary();
  private readonly status: StatusLine | undefined;
  private isRead = true;

  constructor(private readonly options: FeedOptions) {
    const { json, textOf } = options;
    if (!json && textOf === undefined && isDrawable(process.stdout))
      this.status = new StatusLine(process.stdout);
    // Whoever read the feed has gone; the capture goes on.
    process.stdout.on("error", () => {
      this.isRead = false;
    });
  }

  print(event: unknown): void {
    this.summary.add(event as OximyEvent);
    this.status?.add(event as OximyEvent);
    if (!this.isRead) return;
    const text = this.textOf(event as OximyEvent);
    if (this.status) this.status.print(text);
    else process.stdout.write(`${text}\n`);
  }

  private textOf(event: OximyEvent): string {
    const { json, showContent, textOf } = this.options;
    if (textOf !== undefined) return textOf(event);
    return json ? printableJson(event) : eventText(event, feedStyle(), showContent);
  }

  /** What each app did, on standard error: it is no event. Nothing when there was none, or for a program. */
  printSummary(): void {
    this.status?.end();
    if (this.options.json || this.summary.isEmpty) return;
    printError(this.summary.lines().join("\n"));
  }
}
