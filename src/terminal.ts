/**
 * All output goes through here. Names of programs, paths, hosts and errors are untrusted: none of them may contain
 * control sequences, reverse the direction of text, or pass for a line of our own.
 */

/** Control characters (C0 and C1), format characters with the bidirectional ones, line separators, lone surrogates. */
const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Without C0, which JSON escapes itself; the line feeds that remain are those of its indentation. */
const STEERING_IN_JSON = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** On one line, without control characters. */
export function printable(text: string): string {
  return text.replace(STEERING, "\ufffd");
}

/** The same for several lines. Those after the first are indented, so that none passes for a message of its own. */
export function printableText(text: string): string {
  return text
    .split("\n")
    .map(printable)
    .map((line, index) => (index === 0 || /^(\s|$)/.test(line) ? line : `  ${line}`))
    .join("\n");
}

/** At most `most` characters, ending in … if the text was cut. */
export function shortened(text: string, most: number): string {
  const characters = [...text];
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : text;
}

/** Equivalent JSON without control characters: those that JSON allows are escaped by UTF-16 unit (RFC 8259 §7). */
export function printableJson(value: unknown, indent?: number): string {
  return printableJsonText(JSON.stringify(value, null, indent));
}

/** The same for text that is JSON already. */
export function printableJsonText(json: string): string {
  return json.replace(STEERING_IN_JSON, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

/** One line on standard output. */
export function print(line: string): void {
  process.stdout.write(`${printable(line)}\n`);
}

export function printJson(value: unknown, indent?: number): void {
  process.stdout.write(`${printableJson(value, indent)}\n`);
}

/** Several lines, each made of printable parts. */
export function printText(text: string): void {
  process.stdout.write(`${text.split("\n").map(printable).join("\n")}\n`);
}

/** Moves the cursor to the start of its line and clears the line (ECMA-48, CR and EL). */
export const CLEAR_LINE = "\r\x1b[K";

/** Whether a stream is a terminal on which lines can be redrawn. */
export const isDrawable = ({ isTTY }: { readonly isTTY?: boolean }): boolean =>
  isTTY === true && process.env.TERM !== "dumb";

/** For everything but results. On a terminal it clears a status line first, which may be another process's. */
export function printError(text: string): void {
  process.stderr.write(`${isDrawable(process.stderr) ? CLEAR_LINE : ""}${printableText(text)}\n`);
}
