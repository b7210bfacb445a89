/** Ends this process in peace when the reader of its output goes, as `| head` and a pager that is left do. */
export function endWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}
