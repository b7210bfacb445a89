/** A conversation turn by turn, each with the changes since the previous request. */

import { setImmediate as breath } from "node:timers/promises";
import type { OximyEvent } from "../../event/event.js";
import { present, stringOf } from "../../interaction/json.js";
import { cutLine, WITHOUT_BODIES } from "../../traces/cut-line.js";
import { parseLine } from "../../traces/event-files.js";
import { linesAt } from "../../traces/placed-lines.js";
import { diffRequests, type RequestDiff, systemOf, toolNames } from "../../traces/request-diff.js";
import { answerOf, inputOf } from "../../traces/turn.js";
import type { Turn } from "../wire.js";
import { bounded } from "./bounded.js";
import type { Catalogue, Entry } from "./catalogue.js";

/** The conversation that an event belongs to, else the event alone; none when there is no such event. */
export async function* turnsOf(catalogue: Catalogue, id: string, signal: AbortSignal): AsyncGenerator<Turn> {
  const first = catalogue.find(id);
  if (first === undefined) return;
  const { conversation } = first.row;
  const entries =
    conversation === undefined ? [first] : catalogue.choose((row) => row.conversation === conversation);
  /** The last request of each agent. */
  const before = new Map<string, OximyEvent>();
  for await (const { entry, event } of eventsOf(entries)) {
    if (signal.aborted) return;
    const agent = entry.row.agent ?? "";
    yield turnOf(entry, event, before.get(agent));
    if (event.interaction !== undefined) before.set(agent, event);
    await breath();
  }
}

/** The raw line of an event. */
export async function lineOf(catalogue: Catalogue, id: string): Promise<Buffer | undefined> {
  const entry = catalogue.find(id);
  if (entry === undefined) return undefined;
  for await (const line of linesAt(entry.file.file, [entry])) return line;
  return undefined;
}

async function* eventsOf(entries: readonly Entry[]): AsyncGenerator<{ entry: Entry; event: OximyEvent }> {
  for (let from = 0; from < entries.length; ) {
    const { file } = entries[from]!;
    let to = from;
    while (to < entries.length && entries[to]!.file === file) to += 1;
    const ofFile = entries.slice(from, to);
    let at = 0;
    for await (const line of linesAt(file.file, ofFile)) {
      const entry = ofFile[at++]!;
      const event = parseLine(cutLine(line, WITHOUT_BODIES));
      // The file may have been replaced since it was read.
      if (event?.event_id === entry.row.id) yield { entry, event };
    }
    from = to;
  }
}

function turnOf({ row }: Entry, event: OximyEvent, before: OximyEvent | undefined): Turn {
  const request = event.interaction?.request ?? {};
  const response = event.interaction?.response;
  const isFirst = before === undefined;
  const system = isFirst ? systemOf(request) : "";
  const tools = isFirst ? toolNames(request.tools) : [];
  const turn = present({
    row,
    system: system === "" ? undefined : { text: system, length: system.length },
    tools: tools.length === 0 ? undefined : tools,
    said: inputOf(event),
    answer: answerOf(event),
    usage: response?.usage,
    finish: stringOf(response?.finish_reason),
    error: event.metadata.error,
    changes: before === undefined || event.interaction === undefined ? undefined : changesOf(before, event),
  });
  return bounded(turn) as Turn;
}

function changesOf(before: OximyEvent, event: OximyEvent): RequestDiff | undefined {
  try {
    return diffRequests(before, event);
  } catch (error) {
    // Nested too deeply for the recursion: shown without changes.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
