/** Parses a time in the past from the command line: `2h`, `3d`, or an ISO date or time. */

import { InvalidArgumentError } from "commander";

const UNITS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const CALENDAR_DATE = /^\d{4}-\d{2}-\d{2}$/;
const ISO_TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/;

/** A date alone means its local midnight; a time without offset is local. */
export function parseSince(text: string, now = Date.now()): Date {
  const [, count, unit] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  if (count !== undefined) return new Date(now - Number(count) * UNITS[unit!]!);
  const local = CALENDAR_DATE.test(text) ? `${text}T00:00` : text;
  const date = new Date(local);
  if (!ISO_TIME.test(local) || Number.isNaN(date.getTime())) {
    throw new InvalidArgumentError("It must be an age such as 30m, 2h or 3d, or a date such as 2026-01-09.");
  }
  return date;
}
