/** The proxy runs as the caller and loads its parts from where Oximy lies. */

import { fileURLToPath } from "node:url";
import { closedFolderOn } from "../closed-folder.js";
import { OximyError } from "../errors.js";
import { asCaller, type Caller } from "./caller.js";

const PROGRAM = fileURLToPath(new URL("../supervisor/proxy-process.js", import.meta.url));

/** Throws OXIMY_E_FILE, which names the folder that keeps the caller out, and the right that is missing. */
export function requireOpenTo(caller: Caller, path = PROGRAM): void {
  const closed = asCaller(caller, () => closedFolderOn(path));
  if (closed === undefined) return;
  const who = caller.user ?? `uid ${caller.uid}`;
  throw new OximyError(
    "OXIMY_E_FILE",
    `The proxy runs as ${who}, who may not enter ${closed} (no execute right), in which Oximy lies (${path}).`,
    `Install Oximy where every user may enter, or allow it: chmod o+x ${closed}`,
  );
}
