/** Filters for events. */

import type { Buffer } from "node:buffer";
import type { OximyEvent } from "../event/event.js";
import { isFailed } from "../event/outcome.js";

export interface EventFilter {
  /** Id or name of the app, or name of the process; case-insensitive. */
  readonly app?: string;
  /** Provider, or id of the source. */
  readonly provider?: string;
  /** Events of this user's programs; events without a known user do not match. */
  readonly uid?: number;
  /** The model that responded or was requested; `*` matches any characters, case-insensitive. */
  readonly model?: string;
  /** One of these must be true of the status. */
  readonly status?: readonly StatusTerm[];
  /** Events whose request began then or later. */
  readonly since?: Date;
  /** Events whose request began before. */
  readonly until?: Date;
  /** Events with findings. */
  readonly findings?: boolean;
  /** Matched against the line as it was written. */
  readonly grep?: LinePattern;
}

/** `failed`: an HTTP error, or incomplete. `ok`: all others with a status. Ranges are inclusive. */
export type StatusTerm = "failed" | "ok" | { readonly from: number; readonly to: number };

/** A text that a line must contain. */
export interface LinePattern {
  matches(line: Buffer): boolean;
}

/** All conditions except the text, which is matched before a line is parsed. */
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

/** Linear in the length of the name for any pattern. */
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

/** A text, case-insensitive; escaped as in JSON, so that quotes and line breaks match too. */
export function textPattern(text: string): LinePattern {
  const source = JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  // Matching bytes as latin1 is several times faster.
  const isAscii = ASCII.test(text);
  const pattern = new RegExp(source, isAscii ? "i" : "iu");
  return { matches: (line) => pattern.test(line.toString(isAscii ? "latin1" : "utf8")) };
}
