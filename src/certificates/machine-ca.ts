/**
 * The machine's certificate authority: the one that `oximy local` shows and that system stores may have. It belongs to
 * root; everybody can read its certificate, and root alone its key.
 */

import { X509Certificate } from "node:crypto";
import { chmodSync, renameSync, rmSync, type Stats } from "node:fs";
import { join } from "node:path";
import { OximyError } from "../errors.js";
import { makeFolder } from "../make-folder.js";
import { readSmallFile } from "../trust/user-file.js";
import { whyUnsafe } from "../user/safe-folder.js";
import { CA_CERTIFICATE_FILE } from "../user/settings.js";
import { stateFolder } from "../user/state-folder.js";
import { CA_KEY_FILE, type CertificateAuthority, openCa, readCa, type Scope } from "./ca.js";

/** Everybody may read certificates there; the key's own rights keep it (0600). */
const FOLDER_MODE = 0o755;

export const machineCaDirectory = (env: NodeJS.ProcessEnv = process.env): string =>
  join(stateFolder(env), "ca");

export const machineCertificatePath = (env: NodeJS.ProcessEnv = process.env): string =>
  join(machineCaDirectory(env), CA_CERTIFICATE_FILE);

/**
 * Root's: reads it, or makes it. One without name constraints is replaced where they are wanted: its key is deleted.
 * Throws OXIMY_E_CA.
 */
export function openMachineCa(
  scope: Scope = { kind: "any" },
  directory = machineCaDirectory(),
): CertificateAuthority {
  prepareFolder(directory);
  if (scope.kind === "below" && !isConstrained(directory)) retire(directory);
  return openCa(directory, Date.now(), scope);
}

/** Changes with the certificate's file. */
export const identityOfFile = ({ ino, mtimeMs, size }: Pick<Stats, "ino" | "mtimeMs" | "size">): string =>
  `${ino} ${mtimeMs} ${size}`;

/** Its certificate, for whoever asks; undefined when there is none yet, or none that can be read. */
export function machineCertificate(path = machineCertificatePath()): string | undefined {
  try {
    const found = readSmallFile(path);
    return found.kind === "text" ? new X509Certificate(found.text).toString() : undefined;
  } catch {
    return undefined;
  }
}

function prepareFolder(directory: string): void {
  const why = whyUnsafe(directory);
  if (why !== undefined) {
    throw new OximyError(
      "OXIMY_E_CA",
      `The machine's certificate authority is not kept in ${directory}: ${why}`,
      "Make root the only one who can write there, or name another folder with OXIMY_STATE_DIR.",
    );
  }
  try {
    makeFolder(directory, FOLDER_MODE);
    for (const folder of [join(directory, ".."), directory]) chmodSync(folder, FOLDER_MODE); // whatever the umask
  } catch (cause) {
    const message = `The folder ${directory} cannot be made: ${(cause as Error).message}`;
    throw new OximyError(
      "OXIMY_E_CA",
      message,
      "Correct that, or name another folder with OXIMY_STATE_DIR.",
      {
        cause,
      },
    );
  }
}

function isConstrained(directory: string): boolean {
  try {
    // The extension's identifier, 2.5.29.30, as it stands in the certificate.
    return readCa(directory).certificate.raw.includes(Buffer.from("0603551d1e", "hex"));
  } catch {
    return false; // none, or none that can be used
  }
}

/** Nobody signs with it any more; its certificate stays beside, so that stores can be looked through for it. */
function retire(directory: string): void {
  rmSync(join(directory, CA_KEY_FILE), { force: true });
  const certificate = join(directory, CA_CERTIFICATE_FILE);
  try {
    renameSync(certificate, `${certificate}.replaced`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
