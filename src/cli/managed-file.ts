/** Settings that root has fixed for all users of this machine; they override flags, variables and users' files. */

import { realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { OximyError } from "../errors.js";
import { readSmallFile } from "../trust/user-file.js";
import { whyUnsafe } from "../user/safe-folder.js";

/** Not configurable by a variable: a user who controls the environment of root's command could name another file. */
export const MANAGED_FILE = "/etc/oximy/config.json";

const GROUP_OR_OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

/**
 * Its text; undefined when there is none. `path` is for tests.
 *
 * @throws OximyError OXIMY_E_CONFIG when users other than root could have written it, or when it cannot be read.
 */
export function readManagedFile(path = MANAGED_FILE): string | undefined {
  let found: ReturnType<typeof readSmallFile>;
  try {
    found = readSmallFile(path);
    if (found.kind === "absent") return undefined;
    const why = found.kind === "other" ? NO_FILE : whyNotRoots(path);
    if (why !== undefined) throw refused(path, why);
  } catch (cause) {
    if (cause instanceof OximyError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new OximyError(
      "OXIMY_E_CONFIG",
      `${path} fixes settings of this machine and cannot be read: ${message}`,
      code === "EACCES"
        ? `Every user who runs Oximy reads it. As root: chmod 0755 ${dirname(path)} && chmod 0644 ${path}`
        : `As root, correct ${path}, or move it away.`,
      { cause },
    );
  }
  return found.kind === "text" ? found.text : undefined;
}

const NO_FILE = "it is a link, or not a regular file of at most 64 KB.";

/**
 * A sentence about who else could have written it. Checked after the file was read: if it passes, only root could have
 * replaced the file.
 */
function whyNotRoots(path: string): string | undefined {
  const file = statSync(path);
  if (file.uid !== 0) return `it belongs to another user than root (uid ${file.uid}).`;
  if ((file.mode & GROUP_OR_OTHERS_WRITE) !== 0)
    return `others than root may write to it (mode ${modeOf(file)}).`;
  const unsafe = whyUnsafe(dirname(path), 0);
  if (unsafe !== undefined) return unsafe;
  const folders = realpathSync(dirname(path)).split("/");
  for (let depth = folders.length; depth > 0; depth -= 1) {
    const folder = join("/", ...folders.slice(0, depth));
    const { mode, uid } = statSync(folder);
    // In a sticky folder nobody can remove root's files; the file's own folder must not even be sticky and writable.
    const isOpen =
      (mode & GROUP_OR_OTHERS_WRITE) !== 0 && (depth === folders.length || (mode & STICKY) === 0);
    if (uid !== 0 || isOpen) return `others than root may write to ${folder} (mode ${modeOf({ mode })}).`;
  }
  return undefined;
}

const modeOf = ({ mode }: { mode: number }) => (mode & 0o7777).toString(8).padStart(4, "0");

function refused(path: string, why: string): OximyError {
  return new OximyError(
    "OXIMY_E_CONFIG",
    `${path} fixes settings of this machine and is not used: ${why}`,
    `Only root may be able to write it. As root: chown root:root ${dirname(path)} ${path} && chmod 0755 ${dirname(path)} && chmod 0644 ${path}`,
  );
}
