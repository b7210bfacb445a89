/** Checks that the proxy, which runs as the invoking user, can load its modules from the installation folder. */

import { fileURLToPath } from "node:url";
import { closedFolderOn } from "../closed-folder.js";
import { OximyError } from "../errors.js";
import { asInvokingUser, type InvokingUser } from "./invoking-user.js";

const PROGRAM = fileURLToPath(new URL("../supervisor/proxy-process.js", import.meta.url));

/** Throws OXIMY_E_FILE with the folder that the invoking user may not enter, and the missing permission. */
export function requireOpenTo(invokingUser: InvokingUser, path = PROGRAM): void {
  const closed = asInvokingUser(invokingUser, () => closedFolderOn(path));
  if (closed === undefined) return;
  const user = invokingUser.user ?? `uid ${invokingUser.uid}`;
  throw new OximyError(
    "OXIMY_E_FILE",
    `The proxy runs as ${user}, who may not enter ${closed} (no execute permission), where Oximy is installed (${path}).`,
    `Install Oximy in a folder that every user may enter, or allow it: chmod o+x ${closed}`,
  );
}
