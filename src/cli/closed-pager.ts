/**
 * Exits normally when the reader of the output is gone, such as `| head` or a closed pager.
 * @param then `continue` for a command that has to clean up: it runs to its end, without output
 */
export function endWithReader(then: "exit" | "continue" = "exit"): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (then === "exit") process.exit(0);
  });
}
