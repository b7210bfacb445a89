/** Finds a conversation by id. */

import { OximyError } from "../errors.js";
import { type Cut, WITHOUT_WORDS } from "./cut-line.js";
import { type EventLine, readEventLines, readEvents } from "./event-files.js";
import type { EventFilter } from "./event-filter.js";
import { sessionKey } from "./sessions.js";

/**
 * The events of a conversation, in the order in which they were written. The id of an event selects its conversation,
 * or just the event if it belongs to none.
 *
 * @throws OximyError OXIMY_E_USAGE when there is none.
 */
export async function* conversationLines(
  folder: string,
  id: string,
  cut?: Cut,
  filter: EventFilter = {},
): AsyncGenerator<EventLine> {
  const key = await keyOf(folder, id, filter);
  for await (const entry of readEventLines(folder, filter, cut)) {
    const { event } = entry;
    if (event.conversation === undefined ? event.event_id === id : sessionKey(event) === key) yield entry;
  }
}

async function keyOf(folder: string, id: string, filter: EventFilter): Promise<string> {
  for await (const event of readEvents(folder, filter, WITHOUT_WORDS)) {
    if (event.conversation?.id === id || event.event_id === id) return sessionKey(event);
  }
  throw new OximyError(
    "OXIMY_E_USAGE",
    `There is no conversation or event ${id} in ${folder}.`,
    "oximy sessions lists the conversations, oximy events --json the events.",
  );
}
