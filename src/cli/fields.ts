/** `--fields`: selected fields of each event, by their names in docs/events.md. */

import { InvalidArgumentError } from "commander";
import type { OximyEvent } from "../event/event.js";
import { isObject } from "../interaction/json.js";
import { type Cut, WITHOUT_BODIES, WITHOUT_WORDS } from "../traces/cut-line.js";

/** The names on the path to a field: `client.repo.root` has three. */
export type FieldPath = readonly string[];

export function parseFields(text: string): FieldPath[] {
  return text.split(",").map((field) => {
    const path = field.trim().split(".");
    if (path.some((name) => !/^\w+$/.test(name))) {
      throw new InvalidArgumentError(
        "It must be names of fields, such as timestamp,app.name,interaction.model.",
      );
    }
    return path;
  });
}

/** The members that need not be parsed for these fields. */
export function cutFor(paths: readonly FieldPath[]): Cut | undefined {
  if (paths.every((path) => !leadsInto(path, WITHOUT_WORDS))) return WITHOUT_WORDS;
  return paths.every((path) => !leadsInto(path, WITHOUT_BODIES)) ? WITHOUT_BODIES : undefined;
}

/** Whether anything at or below the path is cut. */
function leadsInto([name, ...rest]: FieldPath, cut: Cut): boolean {
  if (name === undefined) return true;
  const inner = Object.hasOwn(cut, name) ? cut[name] : undefined;
  if (inner === undefined) return false;
  return inner === "cut" || leadsInto(rest, inner);
}

/** Null where the event has no such field. */
export function fieldOf(event: OximyEvent, path: FieldPath): unknown {
  let value: unknown = event;
  for (const name of path) value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value ?? null;
}

/** The fields by name, in the requested order. */
export function fieldsOf(event: OximyEvent, paths: readonly FieldPath[]): Record<string, unknown> {
  return Object.fromEntries(paths.map((path) => [path.join("."), fieldOf(event, path)]));
}

/** Cells of a text line, without tabs or line breaks. */
export function cellsOf(event: OximyEvent, paths: readonly FieldPath[]): string[] {
  return paths.map((path) => {
    const value = fieldOf(event, path);
    if (value === null) return "";
    return (typeof value === "string" ? value : JSON.stringify(value)).replace(/\s+/g, " ");
  });
}
