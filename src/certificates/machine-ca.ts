/**
 * The machine's certificate authority: the one `oximy local` uses and that system trust stores may contain. It belongs
 * to root; its certificate is world-readable, its key only readable by root.
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

/** The certificate is world-readable; the key file itself is 0600. */
const FOLDER_MODE = 0o755;

export const machineCaDirectory = (env: NodeJS.ProcessEnv = process.env): string =>
  join(stateFolder(env), "ca");

export const machineCertificatePath = (env: NodeJS.ProcessEnv = process.env): string =>
  join(machineCaDirectory(env), CA_CERTIFICATE_FILE);

/**
 * For root: reads the CA, or creates it. A CA without name constraints is replaced when `scope` asks for them, and its
 * key deleted. Throws OXIMY_E_CA.
 */
export function openMachineCa(
  scope: Scope = { kind: "any" },
  directory = machineCaDirectory(),
): CertificateAuthority {
  prepareFolder(directory);
  if (scope.kind === "below" && !isConstrained(directory)) retire(directory);
  return openCa(directory, Date.now(), scope);
}

/** Changes whenever the certificate file does. */
export const identityOfFile = ({ ino, mtimeMs, size }: Pick<Stats, "ino" | "mtimeMs" | "size">): string =>
  `${ino} ${mtimeMs} ${size}`;

/** The CA's certificate; undefined when there is none yet, or it cannot be read. */
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
      "Make the folder writable by root only, or set OXIMY_STATE_DIR to another one.",
    );
  }
  try {
    makeFolder(directory, FOLDER_MODE);
    for (const folder of [join(directory, ".."), directory]) chmodSync(folder, FOLDER_MODE); // whatever the umask
  } catch (cause) {
    const message = `The folder ${directory} cannot be created: ${(cause as Error).message}`;
    throw new OximyError("OXIMY_E_CA", message, "Fix that, or set OXIMY_STATE_DIR to another folder.", {
      cause,
    });
  }
}

function isConstrained(directory: string): boolean {
  try {
    // The OID of the extension, 2.5.29.30, in DER.
    return readCa(directory).certificate.raw.includes(Buffer.from("0603551d1e", "hex"));
  } catch {
    return false; // missing or unusable
  }
}

/** Deletes the key. The certificate is kept under another name, so that trust stores can be searched for it. */
function retire(directory: string): void {
  rmSync(join(directory, CA_KEY_FILE), { force: true });
  const certificate = join(directory, CA_CERTIFICATE_FILE);
  try {
    renameSync(certificate, `${certificate}.replaced`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
