/** `--fields`: some fields of each event, by the names that docs/events.md has. */

import { InvalidArgumentError } from "commander";
import type { OximyEvent } from "../event/event.js";
import { isObject } from "../interaction/json.js";
import { type Cut, WITHOUT_BODIES, WITHOUT_WORDS } from "../traces/cut-line.js";

/** Each with the names on its way, `client.repo.root` has three. */
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

/** What need not be parsed for these fields. */
export function cutFor(paths: readonly FieldPath[]): Cut | undefined {
  if (paths.every((path) => !leadsInto(path, WITHOUT_WORDS))) return WITHOUT_WORDS;
  return paths.every((path) => !leadsInto(path, WITHOUT_BODIES)) ? WITHOUT_BODIES : undefined;
}

/** Whether a part of what lies under the path is cut. */
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

/** The fields by their names, in the order in which they were asked for. */
export function fieldsOf(event: OximyEvent, paths: readonly FieldPath[]): Record<string, unknown> {
  return Object.fromEntries(paths.map((path) => [path.join("."), fieldOf(event, path)]));
}

/** Of a person's line: one cell each, with nothing in it that ends a cell. */
export function cellsOf(event: OximyEvent, paths: readonly FieldPath[]): string[] {
  return paths.map((path) => {
    const value = fieldOf(event, path);
    if (value === null) return "";
    return (typeof value === "string" ? value : JSON.stringify(value)).replace(/\s+/g, " ");
  });
}
