/** Prints events as they are written: JSON lines, or one line for a person each. */

import type { OximyEvent } from "../event/event.js";

/** A printer for standard output. */
export function printEvent(json: boolean): (event: unknown) => void {
  return (event) => {
    process.stdout.write(`${json ? JSON.stringify(event) : feedLine(event as OximyEvent)}\n`);
  };
}

function feedLine(event: OximyEvent): string {
  const who = event.app?.name ?? event.client.name ?? "unknown";
  return `${event.timestamp.slice(11, 19)} ${who} ${event.source.id} ${event.interaction?.model ?? event.metadata.reason ?? ""} ${event.metadata.response_status ?? ""}`;
}
