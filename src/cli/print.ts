/** Writes to standard output no faster than it is read, so that long outputs do not gather in memory. */

import { once } from "node:events";
import { printableJsonText } from "../terminal.js";

export async function print(text: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

/** A line of a file as it is; at a terminal, so that nothing in it steers that. */
export const asWritten = (line: Buffer): string | Buffer =>
  process.stdout.isTTY ? printableJsonText(line.toString()) : line;
