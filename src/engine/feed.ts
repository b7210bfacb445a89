/** Prints events as they are written, as JSON lines or as text, and at the end a summary by app. */

import type { OximyEvent } from "../event/event.js";
import { type FeedStyle, feedLine } from "../sinks/feed.js";
import { isDrawable, printableJson, printError } from "../terminal.js";
import { AppSummary } from "../traces/app-summary.js";
import { transcriptOf } from "../traces/transcript.js";
import { StatusLine } from "./status-line.js";

export interface FeedOptions {
  readonly json: boolean;
  /** Prints prompt and response below the line of an event. */
  readonly showContent?: boolean;
  /** Replaces the text of an event altogether. */
  readonly textOf?: (event: OximyEvent) => string;
}

/** Style for standard output at its current width. */
export function feedStyle(): FeedStyle {
  const { isTTY, columns } = process.stdout;
  if (!isTTY) return { colour: "none" };
  return { colour: process.env.NO_COLOR ? "none" : "ansi", ...(columns > 0 && { width: columns }) };
}

/** The text of one event. */
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
    // The reader of the feed is gone; the capture continues.
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

  /** Prints a summary by app to standard error, since it is not an event. Nothing with JSON or without events. */
  printSummary(): void {
    this.status?.end();
    if (this.options.json || this.summary.isEmpty) return;
    printError(this.summary.lines().join("\n"));
  }
}
