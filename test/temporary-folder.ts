import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An empty folder. In a test it stays until the run ends and what is in it was looked through. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "oximy-"));
}
