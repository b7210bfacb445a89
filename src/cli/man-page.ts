/** Manual pages generated from the commands: man(7), for groff and mandoc. Values in, text out. */

import type { CommandInfo } from "./command-tree.js";
import { EXAMPLES } from "./examples.js";

/** `oximy.1`, `oximy-bundle-show.1`. */
export const manPageName = ({ path }: CommandInfo): string => `${["oximy", ...path].join("-")}.1`;

export function manPage(command: CommandInfo, commands: readonly CommandInfo[], version: string): string {
  const name = ["oximy", ...command.path].join("-");
  const inner = command.commands.flatMap(
    (next) => commands.find(({ path }) => path.join(" ") === [...command.path, next].join(" ")) ?? [],
  );
  return `${[
    `.TH ${quoted(name.toUpperCase())} 1 "" ${quoted(`Oximy ${version}`)} "Oximy"`,
    ".SH NAME",
    `${escaped(name)} \\- ${escaped(command.description)}`,
    ".SH SYNOPSIS",
    escaped(command.usage),
    ...(inner.length === 0
      ? []
      : [".SH COMMANDS", ...inner.flatMap((next) => item(next.path.at(-1)!, next.description))]),
    ...(command.arguments.length === 0
      ? []
      : [".SH ARGUMENTS", ...command.arguments.flatMap((given) => item(given.name, given.description))]),
    ".SH OPTIONS",
    ...command.options.flatMap(({ flags, description }) => item(flags, description)),
    ...examples(EXAMPLES[command.path.join(" ")] ?? []),
    ...(command.path.length > 0 ? [] : [".SH FILES", ...item("~/.oximy", "settings, events, certificate")]),
    ".SH SEE ALSO",
    inner.length === 0
      ? reference(["oximy", ...command.path.slice(0, -1)])
      : inner.map(({ path }) => reference(["oximy", ...path])).join(",\n"),
  ].join("\n")}\n`;
}

const examples = (lines: readonly string[]) =>
  lines.length === 0 ? [] : [".SH EXAMPLES", ".nf", ...lines.map(escaped), ".fi"];

const item = (name: string, description: string) => [".TP", `\\fB${escaped(name)}\\fR`, escaped(description)];

const reference = (path: readonly string[]) => `\\fB${escaped(path.join("-"))}\\fR(1)`;

const quoted = (text: string) => `"${escaped(text).replaceAll('"', "\\(dq")}"`;

/**
 * Escapes backslashes, hyphens (else typographic ones), control characters at the start of a line, and non-ASCII
 * characters (groff_char(7)).
 */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(
      /[^\n\x20-\x7e]/gu,
      (character) => `\\[u${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`,
    )
    .split("\n")
    .map((line) => (/^[.']/.test(line) ? `\\&${line}` : line))
    .join("\n");
}
