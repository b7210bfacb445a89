/** How commands report errors. */

import { OximyError } from "../errors.js";
import { printableJson, printableText, printError } from "../terminal.js";

/** System errors about files that we may not use, for which a bug report would not help (errno(3)). */
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

/** Prints one line about a problem that does not stop the command. */
export function reportWarning(message: string, json: boolean): void {
  printError(json ? printableJson({ level: "warn", message }) : `warn: ${printableText(message)}`);
}

function unforeseen(cause: unknown): OximyError {
  const { code = "", path, message, stack } = (cause ?? {}) as NodeJS.ErrnoException;
  if (OF_FILES.has(code) && path !== undefined) {
    return new OximyError(
      "OXIMY_E_FILE",
      `A file cannot be used: ${message}.`,
      "Fix the file or its permissions, or run as the user who owns it.",
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
