/** `oximy events`: prints captured events, and with --follow new ones. */

import { type Command, Option } from "commander";
import { eventText, Feed, feedStyle } from "../engine/feed.js";
import type { OximyEvent } from "../event/event.js";
import { printable, printableJson, printError } from "../terminal.js";
import { AppSummary } from "../traces/app-summary.js";
import { type Cut, WITHOUT_BODIES, WITHOUT_WORDS } from "../traces/cut-line.js";
import { type EventLine, readEventLines, readEvents } from "../traces/event-files.js";
import type { EventFilter } from "../traces/event-filter.js";
import { followEvents } from "../traces/follow.js";
import { findInvokingUser } from "../user/invoking-user.js";
import { oximyHome } from "../user/settings.js";
import { addSomeOptions, outputFolder } from "./capture-options.js";
import { cellsOf, cutFor, type FieldPath, fieldsOf, parseFields } from "./fields.js";
import { addFilterOptions, filterOf } from "./filter-options.js";
import { asWritten, print } from "./print.js";
import { untilSignal } from "./signals.js";

interface EventsFlags {
  readonly follow: boolean;
  readonly json: boolean;
  readonly showContent: boolean;
  readonly fields?: readonly FieldPath[];
}

export function addEventsCommand(program: Command): void {
  const command = program
    .command("events")
    .description("print captured events, oldest first")
    .option("--follow", "wait for new events and print them as they arrive", false);
  addFilterOptions(command)
    .addOption(
      new Option("--fields <list>", "only these fields, separated by tabs: timestamp,app.name,…").argParser(
        parseFields,
      ),
    )
    .option("--show-content", "print prompts and responses, too", false)
    .option("--json", "print the events as they were written, one per line", false);
  addSomeOptions(command, "output_dir").action(async () => {
    const flags = command.opts<EventsFlags>();
    const filter = filterOf(command);
    const folder = outputFolder(command, oximyHome(process.env, findInvokingUser().home));
    if (flags.follow) {
      await followTo(folder, filter, flags);
      process.exitCode = 130;
      return;
    }
    const summary = new AppSummary();
    for await (const line of readEventLines(folder, filter, cutOf(flags))) {
      await print(textOf(line, flags));
      await print("\n");
      summary.add(line.event);
    }
    if (summary.isEmpty) printError(noEvents(folder, Object.keys(filter).length > 0 ? "chosen" : "all"));
    // Only at a terminal; a program that reads the output expects nothing else.
    else if (isForPerson(flags)) printError(summary.lines().join("\n"));
  });
}

const isForPerson = ({ json, fields }: EventsFlags) =>
  !json && fields === undefined && process.stdout.isTTY === true && process.stderr.isTTY === true;

function cutOf({ json, showContent, fields }: EventsFlags): Cut | undefined {
  if (fields !== undefined) return cutFor(fields);
  return showContent && !json ? WITHOUT_BODIES : WITHOUT_WORDS;
}

function textOf({ event, line }: EventLine, { json, showContent, fields }: EventsFlags): string | Buffer {
  if (fields !== undefined) return fieldsText(event, fields, json);
  return json ? asWritten(line) : eventText(event, feedStyle(), showContent);
}

function fieldsText(event: OximyEvent, fields: readonly FieldPath[], json: boolean): string {
  return json ? printableJson(fieldsOf(event, fields)) : cellsOf(event, fields).map(printable).join("\t");
}

/** The message when there is nothing to show. */
export function noEvents(folder: string, wanted: "all" | "chosen"): string {
  return wanted === "all" ? `No events in ${folder} yet.` : `No such events in ${folder}.`;
}

async function followTo(folder: string, filter: EventFilter, flags: EventsFlags): Promise<void> {
  const { fields, json } = flags;
  const feed = new Feed({
    ...flags,
    ...(fields !== undefined && { textOf: (event: OximyEvent) => fieldsText(event, fields, json) }),
  });
  await followFrom(folder, filter, (event) => feed.print(event));
  if (isForPerson(flags)) feed.printSummary();
}

/** Prints existing events if --since is given, then new ones until a signal. */
async function followFrom(
  folder: string,
  filter: EventFilter,
  printNow: (event: OximyEvent) => void,
): Promise<void> {
  const stop = new AbortController();
  void untilSignal().then(() => stop.abort());
  const live = followEvents(folder, filter, stop.signal);
  // The ends of the files are recorded before they are read, so that no event is missed in between.
  let next = live.next();
  const printed = new Set<string>();
  if (filter.since !== undefined) {
    for await (const event of readEvents(folder, filter)) {
      printNow(event);
      printed.add(event.event_id);
    }
  }
  for (let step = await next; !step.done; step = await next) {
    next = live.next();
    if (!printed.delete(step.value.event_id)) printNow(step.value);
  }
}
