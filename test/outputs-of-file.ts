import { chmodSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { expect } from "vitest";
import { RUN_FOLDER } from "./outputs-of-run.js";

/** Before each test file: all temporary files that it makes go to a folder of its name. */
const folder = join(process.env[RUN_FOLDER]!, basename(expect.getState().testPath!, ".test.ts"));
mkdirSync(folder, { recursive: true });
chmodSync(folder, 0o1777);
process.env.TMPDIR = folder;
