/** `oximy events`: what was captured, and with --follow what is captured now. */

import { type Command, Option } from "commander";
import type { OximyEvent } from "../event/event.js";
import { findCaller } from "../local/caller.js";
import { feedStyle, printEvent } from "../local/feed.js";
import { oximyHome } from "../local/settings.js";
import { feedLine } from "../sinks/feed.js";
import { printError } from "../terminal.js";
import { WITHOUT_WORDS } from "../traces/cut-line.js";
import { type EventFilter, readEventLines, readEvents } from "../traces/event-files.js";
import { followEvents } from "../traces/follow.js";
import { addSomeOptions, outputFolder } from "./capture-options.js";
import { asWritten, print } from "./print.js";
import { untilSignal } from "./signals.js";
import { parseSince } from "./since.js";

interface EventsFlags extends EventFilter {
  readonly follow: boolean;
  readonly json: boolean;
}

export function addEventsCommand(program: Command): void {
  const command = program
    .command("events")
    .description("what was captured, oldest first")
    .option("--follow", "wait for new events and print them as they come", false)
    .option("--app <app>", "only of this app: its id or name, or the name of the process")
    .option("--provider <provider>", "only to this provider, app or website: its id")
    .addOption(sinceOption())
    .option("--json", "print the events as they were written, one a line", false);
  addSomeOptions(command, "output_dir").action(async () => {
    const { follow, json, ...filter } = command.opts<EventsFlags>();
    const folder = outputFolder(command, oximyHome(process.env, findCaller().home));
    if (follow) {
      await followFrom(folder, filter, printEvent(json));
      process.exitCode = 130;
      return;
    }
    let printed = 0;
    const style = feedStyle();
    for await (const { event, line } of readEventLines(folder, filter, WITHOUT_WORDS)) {
      await print(json ? asWritten(line) : feedLine(event, style));
      await print("\n");
      printed += 1;
    }
    if (printed === 0) printError(noEvents(folder, Object.keys(filter).length > 0 ? "chosen" : "all"));
  });
}

/** What is said when there is nothing to show. */
export function noEvents(folder: string, wanted: "all" | "chosen"): string {
  return wanted === "all" ? `No events in ${folder} yet.` : `No such events in ${folder}.`;
}

export function sinceOption(): Option {
  return new Option("--since <time>", "only from then on: 30m, 2h, 3d, a date or an ISO time").argParser(
    (text: string) => parseSince(text),
  );
}

/** Prints what is there when --since asks for it, then what comes, until a signal. */
async function followFrom(
  folder: string,
  filter: EventFilter,
  printNow: (event: OximyEvent) => void,
): Promise<void> {
  const stop = new AbortController();
  void untilSignal().then(() => stop.abort());
  const live = followEvents(folder, filter, stop.signal);
  // The ends of the files are noted before they are read, so that nothing falls between the two.
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
