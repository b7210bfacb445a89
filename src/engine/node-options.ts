/** NODE_OPTIONS, by which a command and its descendants are told what Node shall do. */

/**
 * The user's options and one more. Ours comes first, so that it holds whatever an unfinished quotation mark at the end of
 * the user's own would do to it.
 */
export function withNodeOption(option: string, options = ""): string {
  return `${quoted(option)} ${options}`.trimEnd();
}

/** As Node reads NODE_OPTIONS: words by spaces, double quotation marks around, `\` before what means itself. */
function quoted(option: string): string {
  return /[\s"\\]/.test(option) ? `"${option.replace(/["\\]/g, "\\$&")}"` : option;
}
