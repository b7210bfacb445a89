/** Writes to standard output with backpressure, so that long output does not accumulate in memory. */

import { once } from "node:events";
import { printableJsonText } from "../terminal.js";

export async function print(text: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

/** A line of a file unchanged; on a terminal, with control characters escaped. */
export const asWritten = (line: Buffer): string | Buffer =>
  process.stdout.isTTY ? printableJsonText(line.toString()) : line;
