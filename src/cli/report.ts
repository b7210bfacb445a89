/** How commands tell what went wrong. */

import { OximyError } from "../errors.js";
import { printableJson, printableText, printError } from "../terminal.js";

/** What the system says of a file that it does not let us use: nothing that a report could help (errno(3)). */
const OF_FILES = new Set(["EACCES", "EPERM", "ENOSPC", "EDQUOT", "EROFS", "EIO", "ENOTDIR", "EISDIR"]);

/** Prints an error for the user and returns the exit code that belongs to it. */
export function reportError(error: unknown, json: boolean): number {
  const { code, message, advice, exitCode } = error instanceof OximyError ? error : unforeseen(error);
  printError(
    json
      ? printableJson({ level: "error", code, message, advice })
      : `oximy: ${printableText(message)} [${code}]\n  ${advice}`,
  );
  return exitCode;
}

/** One line about what goes on all the same. */
export function reportWarning(message: string, json: boolean): void {
  printError(json ? printableJson({ level: "warn", message }) : `warn: ${printableText(message)}`);
}

function unforeseen(cause: unknown): OximyError {
  const { code = "", path, message, stack } = (cause ?? {}) as NodeJS.ErrnoException;
  if (OF_FILES.has(code) && path !== undefined) {
    return new OximyError(
      "OXIMY_E_FILE",
      `A file cannot be used: ${message}.`,
      "Correct what is in the way there, or run as the user whose it is.",
      { cause },
    );
  }
  return new OximyError(
    "OXIMY_E_INTERNAL",
    stack ?? String(cause),
    "This is a bug in Oximy. Please report it with the lines above.",
    { cause },
  );
}
