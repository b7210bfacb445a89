/** The certificates that stores may trust: the machine's, owned by root, and the user's own. */

import { X509Certificate } from "node:crypto";
import { openCa, type Scope } from "../certificates/ca.js";
import { machineCertificate, machineCertificatePath, openMachineCa } from "../certificates/machine-ca.js";
import { asInvokingUser, findInvokingUser, type InvokingUser } from "../user/invoking-user.js";
import { caDirectory, ownCertificatePath } from "../user/settings.js";
import { type NamedCertificate, nameCertificate } from "./trust-store.js";
import { readSmallFile } from "./user-file.js";

/** Root's: the one presented by `oximy local`. Creates the CA if there is none yet. Throws OXIMY_E_CA. */
export function machinesCertificate(scope?: Scope): NamedCertificate {
  const { certificate, certificatePath } = openMachineCa(scope);
  return nameCertificate(certificate, certificatePath);
}

/** Undefined when there is none yet, or it cannot be read. */
export function machinesCertificateIfMade(): NamedCertificate | undefined {
  const pem = machineCertificate();
  return pem === undefined ? undefined : nameCertificate(new X509Certificate(pem), machineCertificatePath());
}

/** The user's own, presented by `oximy proxy` and `oximy run`. Creates the CA if there is none. Throws OXIMY_E_CA. */
export function ownCertificate(home: string, invokingUser: InvokingUser): NamedCertificate {
  const { certificate, certificatePath } = asInvokingUser(invokingUser, () => openCa(caDirectory(home)));
  return nameCertificate(certificate, certificatePath);
}

/** Undefined when there is none yet, or it cannot be read. */
export function ownCertificateIfMade(
  home: string,
  invokingUser: InvokingUser = findInvokingUser(),
): NamedCertificate | undefined {
  const path = ownCertificatePath(home);
  try {
    const found = asInvokingUser(invokingUser, () => readSmallFile(path));
    return found.kind === "text" ? nameCertificate(new X509Certificate(found.text), path) : undefined;
  } catch {
    return undefined;
  }
}
