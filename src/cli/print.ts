/** Writes to standard output no faster than it is read, so that long outputs do not gather in memory. */

import { once } from "node:events";

export async function print(text: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}
