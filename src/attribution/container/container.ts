/** Values of the runtimes' files. */

import type { ContainerNames } from "../../connection/container.js";

const MAX_TEXT = 512;

/** A value of a runtime's file, if it is a displayable text. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= MAX_TEXT && !/\p{Cc}/u.test(value)
    ? value
    : undefined;
}

export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** Undefined for a file that was read while being written. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Omits unknown values. */
export function namesOf(
  names: { [Key in keyof ContainerNames]: ContainerNames[Key] | undefined },
): ContainerNames {
  return Object.fromEntries(Object.entries(names).filter(([, value]) => value !== undefined));
}
