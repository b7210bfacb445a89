/**
 * All that is printed goes through here: names of programs, paths, hosts and errors come from others, and none of them
 * may steer a terminal, turn text around, or look like a line of ours.
 */

/** Controls (C0 and C1), formats with the bidirectional ones, separators of lines, and halves of characters. */
const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Without C0, which JSON escapes itself; the line feeds that are left are those of its indents. */
const STEERING_IN_JSON = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** On one line, with nothing in it that a terminal would obey. */
export function printable(text: string): string {
  return text.replace(STEERING, "\ufffd");
}

/** The same of several lines. Those after the first are set in, so that none passes for a line of its own. */
export function printableText(text: string): string {
  return text
    .split("\n")
    .map(printable)
    .map((line, index) => (index === 0 || /^(\s|$)/.test(line) ? line : `  ${line}`))
    .join("\n");
}

/** At most so many characters, the last of them … where some were left out. */
export function shortened(text: string, most: number): string {
  const characters = [...text];
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : text;
}

/** JSON that says the same and steers nothing: what JSON leaves as it is, escaped in its UTF-16 units (RFC 8259 §7). */
export function printableJson(value: unknown, indent?: number): string {
  return printableJsonText(JSON.stringify(value, null, indent));
}

/** The same of what is JSON already. */
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

/** Several lines that were made of printable parts. */
export function printText(text: string): void {
  process.stdout.write(`${text.split("\n").map(printable).join("\n")}\n`);
}

/** Takes the cursor to the beginning of its line, and what stands there away (ECMA-48, CR and EL). */
export const CLEAR_LINE = "\r\x1b[K";

/** Whether lines can be drawn over at a stream. */
export const isDrawable = ({ isTTY }: { readonly isTTY?: boolean }): boolean =>
  isTTY === true && process.env.TERM !== "dumb";

/** For what is no result. At a terminal a status line may stand there, of this process or of another one. */
export function printError(text: string): void {
  process.stderr.write(`${isDrawable(process.stderr) ? CLEAR_LINE : ""}${printableText(text)}\n`);
}
