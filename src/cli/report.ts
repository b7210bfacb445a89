/** How commands tell what went wrong. */

import { OximyError } from "../errors.js";

/** Prints an error for the user and returns the exit code that belongs to it. */
export function reportError(error: unknown, json: boolean): number {
  const known =
    error instanceof OximyError
      ? error
      : new OximyError(
          "OXIMY_E_INTERNAL",
          (error as Error)?.stack ?? String(error),
          "This is a bug in Oximy. Please report it with the lines above.",
          { cause: error },
        );
  const { code, message, advice, exitCode } = known;
  process.stderr.write(
    json
      ? `${JSON.stringify({ level: "error", code, message, advice })}\n`
      : `oximy: ${message} [${code}]\n  ${advice}\n`,
  );
  return exitCode;
}
