/** Sources of option values, in order of precedence: managed file, flag, variable, the user's file. */

import { join } from "node:path";
import type { Command } from "commander";
import { OximyError } from "../errors.js";
import { readSmallFile } from "../trust/user-file.js";
import { asInvokingUser, findInvokingUser } from "../user/invoking-user.js";
import type { CaptureOption } from "./capture-options.js";
import { MANAGED_FILE, readManagedFile } from "./managed-file.js";

type Values = Readonly<Record<string, unknown>>;

export type ValueSource = "managed" | "flag" | "variable" | "file" | "default";

export interface Sources {
  readonly env: NodeJS.ProcessEnv;
  /** Of `/etc/oximy/config.json`. */
  readonly managed: Values;
  /** Of `~/.oximy/config.json`. */
  readonly file: Values;
}

export const camel = (key: string) => key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
export const variable = (key: string) => `OXIMY_${key.toUpperCase()}`;

/**
 * Reads both files. `managedFile` is for tests.
 *
 * @throws OximyError OXIMY_E_CONFIG for a file that cannot be used.
 */
export function readSources(
  home: string,
  options: readonly CaptureOption[],
  env: NodeJS.ProcessEnv = process.env,
  managedFile = MANAGED_FILE,
): Sources {
  return {
    env,
    managed: readManaged(options, managedFile),
    file: readOwn(join(home, "config.json"), options),
  };
}

/** The settings that root has fixed. */
export function readManaged(options: readonly CaptureOption[], file = MANAGED_FILE): Values {
  const text = readManagedFile(file);
  return text === undefined ? {} : valuesOf(text, file, options);
}

function readOwn(file: string, options: readonly CaptureOption[]): Values {
  let text: string;
  try {
    // The file is the invoking user's, so it is read with that user's rights.
    const found = asInvokingUser(findInvokingUser(), () => readSmallFile(file));
    if (found.kind === "absent") return {};
    if (found.kind !== "text") {
      const message = `${file} is a link, or not a regular file of at most 64 KB: it is not read.`;
      throw new OximyError("OXIMY_E_CONFIG", message, adviceOn(file));
    }
    text = found.text;
  } catch (cause) {
    if (cause instanceof OximyError) throw cause;
    throw unreadable(file, cause);
  }
  return valuesOf(text, file, options);
}

/** An object whose keys are those of the options. */
function valuesOf(text: string, file: string, options: readonly CaptureOption[]): Values {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new OximyError("OXIMY_E_CONFIG", `${file} must hold one JSON object.`, adviceOn(file));
  }
  const known = new Set(options.map((option) => option.key));
  for (const key of Object.keys(value)) {
    if (!known.has(key))
      throw new OximyError("OXIMY_E_CONFIG", `${file}: unknown option "${key}".`, adviceOn(file));
  }
  return value as Values;
}

const adviceOn = (file: string) => `Correct ${file}, or move it away.`;

const unreadable = (file: string, cause: unknown) =>
  new OximyError("OXIMY_E_CONFIG", `${file} cannot be read: ${(cause as Error).message}`, adviceOn(file), {
    cause,
  });

/** The value of one option from the first source that sets it; undefined if only the default applies. */
export function resolveValue(option: CaptureOption, command: Command, sources: Sources): unknown {
  return resolved(option, command, sources).value;
}

/** The same, with the source. */
export function resolved(
  option: CaptureOption,
  command: Command,
  { env, managed, file }: Sources,
): { readonly value: unknown; readonly source: ValueSource } {
  const fixed = fixedValue(option, managed);
  if (fixed !== undefined) return { value: fixed, source: "managed" };
  const key = camel(option.key);
  if (command.getOptionValueSource(key) === "cli")
    return { value: command.getOptionValue(key), source: "flag" };
  const fromEnv = env[variable(option.key)];
  if (fromEnv !== undefined && fromEnv !== "")
    return { value: parsed(option, fromEnv, variable(option.key)), source: "variable" };
  const found = file[option.key];
  if (found === undefined) return { value: undefined, source: "default" };
  return { value: parsed(option, found, `config.json, ${option.key}`), source: "file" };
}

function fixedValue(option: CaptureOption, managed: Values): unknown {
  const found = managed[option.key];
  return found === undefined ? undefined : parsed(option, found, `${MANAGED_FILE}, ${option.key}`);
}

function parsed(option: CaptureOption, found: unknown, where: string): unknown {
  try {
    return option.parse(String(found));
  } catch (error) {
    throw new OximyError(
      "OXIMY_E_CONFIG",
      `${where}: "${String(found)}" is not usable. ${(error as Error).message}`,
      "See: oximy help",
    );
  }
}

/** A sentence for each given flag that contradicts the managed file. */
export function contradictions(
  command: Command,
  options: readonly CaptureOption[],
  managedFile = MANAGED_FILE,
): string[] {
  // A command can have an option of its own with the same name, which is not managed.
  const given = options.filter(
    ({ key, flags, description }) =>
      command.getOptionValueSource(camel(key)) === "cli" &&
      command.options.some((option) => option.flags === flags && option.description === description),
  );
  if (given.length === 0) return [];
  const managed = readManaged(options, managedFile);
  return given.flatMap((option) => {
    const fixed = fixedValue(option, managed);
    if (fixed === undefined || fixed === command.getOptionValue(camel(option.key))) return [];
    const flag = option.flags!.split(" ")[0]!;
    return [`${flag} is ignored: ${managedFile} fixes ${option.key} to ${JSON.stringify(fixed)}.`];
  });
}
