/** The proxy runs as the invoking user and loads its parts from where Oximy lies. */

import { fileURLToPath } from "node:url";
import { closedFolderOn } from "../closed-folder.js";
import { OximyError } from "../errors.js";
import { asInvokingUser, type InvokingUser } from "./invoking-user.js";

const PROGRAM = fileURLToPath(new URL("../supervisor/proxy-process.js", import.meta.url));

/** Throws OXIMY_E_FILE, which names the folder that keeps the invoking user out, and the right that is missing. */
export function requireOpenTo(invokingUser: InvokingUser, path = PROGRAM): void {
  const closed = asInvokingUser(invokingUser, () => closedFolderOn(path));
  if (closed === undefined) return;
  const who = invokingUser.user ?? `uid ${invokingUser.uid}`;
  throw new OximyError(
    "OXIMY_E_FILE",
    `The proxy runs as ${who}, who may not enter ${closed} (no execute right), in which Oximy lies (${path}).`,
    `Install Oximy where every user may enter, or allow it: chmod o+x ${closed}`,
  );
}
