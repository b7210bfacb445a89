/** NODE_OPTIONS for a command and its descendants. */

/**
 * Adds an option to the user's. Ours comes first, so that an unterminated quotation mark in the user's options cannot
 * swallow it.
 */
export function withNodeOption(option: string, options = ""): string {
  return `${quoted(option)} ${options}`.trimEnd();
}

/** Quoting as Node parses NODE_OPTIONS: words separated by spaces, optional double quotes, `\` as escape. */
function quoted(option: string): string {
  return /[\s"\\]/.test(option) ? `"${option.replace(/["\\]/g, "\\$&")}"` : option;
}
