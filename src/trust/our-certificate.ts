/** The certificate that the stores shall trust. */

import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { asCaller, type Caller, findCaller } from "../local/caller.js";
import { caDirectory } from "../local/settings.js";
import { CA_CERTIFICATE_FILE, openCa } from "../proxy/ca.js";
import { type NamedCertificate, nameCertificate } from "./trust-store.js";
import { readSmallFile } from "./user-file.js";

/** Makes the CA when there is none yet. Throws OXIMY_E_CA. */
export function ourCertificate(home: string, caller: Caller): NamedCertificate {
  const { certificate, certificatePath } = asCaller(caller, () => openCa(caDirectory(home)));
  return nameCertificate(certificate, certificatePath);
}

/** Undefined when there is none yet, or none that can be read. */
export function ourCertificateIfMade(
  home: string,
  caller: Caller = findCaller(),
): NamedCertificate | undefined {
  const path = join(caDirectory(home), CA_CERTIFICATE_FILE);
  try {
    const found = asCaller(caller, () => readSmallFile(path));
    return found.kind === "text" ? nameCertificate(new X509Certificate(found.text), path) : undefined;
  } catch {
    return undefined;
  }
}
