/** Which events are asked for. */

import type { Buffer } from "node:buffer";
import type { OximyEvent } from "../event/event.js";
import { isFailed } from "../event/outcome.js";

export interface EventFilter {
  /** Id or name of the app, or name of the process; without regard to case. */
  readonly app?: string;
  /** Provider, or id of the source. */
  readonly provider?: string;
  /** Events of this user's programs; those of which that is not known are not. */
  readonly uid?: number;
  /** The model that answered or was asked for; `*` stands for any characters, case does not count. */
  readonly model?: string;
  /** One of these must be true of the status. */
  readonly status?: readonly StatusTerm[];
  /** Events whose request began then or later. */
  readonly since?: Date;
  /** Events whose request began before. */
  readonly until?: Date;
  /** Events in which something is worth a look. */
  readonly findings?: boolean;
  /** Looked for in the line as it was written. */
  readonly grep?: LinePattern;
}

/** `failed`: an error of HTTP, or no end. `ok`: the others that have a status. A range has both its ends in it. */
export type StatusTerm = "failed" | "ok" | { readonly from: number; readonly to: number };

/** What a line must have. */
export interface LinePattern {
  matches(line: Buffer): boolean;
}

/** All but the text, which is looked for before a line is parsed. */
export function matchesFilter(event: OximyEvent, filter: EventFilter): boolean {
  const { app, provider, uid, model, status, since, until } = filter;
  const { source, client, interaction } = event;
  if (since !== undefined && !(Date.parse(event.timestamp) >= since.getTime())) return false;
  if (until !== undefined && !(Date.parse(event.timestamp) < until.getTime())) return false;
  if (filter.findings === true && !event.findings) return false;
  if (uid !== undefined && client.uid !== uid) return false;
  if (app !== undefined && !isOneOf(app, [event.app?.id, event.app?.name, client.name])) return false;
  if (provider !== undefined && !isOneOf(provider, [interaction?.provider, source.id])) return false;
  if (model !== undefined && !isLike(model, [interaction?.model, interaction?.request.model])) return false;
  return status === undefined || status.some((term) => hasStatus(event, term));
}

function isOneOf(wanted: string, names: ReadonlyArray<string | null | undefined>): boolean {
  return names.some((name) => name?.toLowerCase() === wanted.toLowerCase());
}

function isLike(pattern: string, names: ReadonlyArray<unknown>): boolean {
  const [first = "", ...rest] = pattern.toLowerCase().split("*");
  return names.some((name) => typeof name === "string" && fitsParts(name.toLowerCase(), first, rest));
}

/** Linear in the name, whatever the pattern. */
function fitsParts(name: string, first: string, rest: readonly string[]): boolean {
  const last = rest.at(-1);
  if (last === undefined) return name === first;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest.slice(0, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

function hasStatus(event: OximyEvent, term: StatusTerm): boolean {
  const status = event.metadata.response_status;
  if (term === "failed") return isFailed(event);
  if (term === "ok") return status !== undefined && !isFailed(event);
  return status !== undefined && status >= term.from && status <= term.to;
}

const ASCII = /^[\x20-\x7e]*$/;

/** A text, without regard to case; as JSON writes it, so that quotes and ends of lines are found too. */
export function textPattern(text: string): LinePattern {
  const source = JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  // Bytes as characters are searched several times faster.
  const isAscii = ASCII.test(text);
  const pattern = new RegExp(source, isAscii ? "i" : "iu");
  return { matches: (line) => pattern.test(line.toString(isAscii ? "latin1" : "utf8")) };
}
