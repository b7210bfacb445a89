/** The certificate authority of this installation: made on first use, kept in `~/.oximy/ca`. */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { OximyError } from "../errors.js";
import { issueCertificate, subjectKeyIdentifier } from "./x509.js";

export const CA_CERTIFICATE_FILE = "oximy-ca-cert.pem";
export const CA_KEY_FILE = "oximy-ca-key.pem";

export interface CertificateAuthority {
  readonly certificate: X509Certificate;
  readonly certificatePem: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Path of the certificate file: what clients are told to trust. */
  readonly certificatePath: string;
}

const DAY = 86_400_000;
const CA_DAYS = 3650;

/** PEM of a new CA. Name has host and date, so that two of them can be told apart in a trust store. */
export function makeCa(now = new Date()): { certificatePem: string; keyPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = [
    { name: "commonName", value: `Oximy CA (${hostname().slice(0, 32)} ${now.toISOString().slice(0, 10)})` },
    { name: "organizationName", value: "Oximy" },
  ];
  const certificatePem = issueCertificate(
    {
      subject: name,
      issuer: name,
      publicKey,
      notBefore: new Date(now.getTime() - 2 * DAY),
      notAfter: new Date(now.getTime() + CA_DAYS * DAY),
      extensions: [
        { name: "basicConstraints", critical: true, cA: true, pathLenConstraint: 0 },
        { name: "keyUsage", critical: true, keyCertSign: true, cRLSign: true },
        subjectKeyIdentifier(publicKey),
      ],
    },
    privateKey,
  );
  return { certificatePem, keyPem: privateKey.export({ type: "pkcs8", format: "pem" }) as string };
}

/** Written beside and renamed, so that no reader ever sees half a file. */
function writeAtomic(path: string, text: string, mode: number): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode, flag: "w" });
  chmodSync(temporary, mode);
  renameSync(temporary, path);
}

/** Reads the CA of `directory`, or makes it there. Throws OXIMY_E_CA. */
export function openCa(directory: string): CertificateAuthority {
  const certificatePath = join(directory, CA_CERTIFICATE_FILE);
  const keyPath = join(directory, CA_KEY_FILE);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (!existsSync(certificatePath) && !existsSync(keyPath)) {
      const { certificatePem, keyPem } = makeCa();
      writeAtomic(keyPath, keyPem, 0o600);
      writeAtomic(certificatePath, certificatePem, 0o644);
    }
    const certificatePem = readFileSync(certificatePath, "utf8");
    const certificate = new X509Certificate(certificatePem);
    const privateKey = createPrivateKey(readFileSync(keyPath, "utf8"));
    if (!certificate.checkPrivateKey(privateKey))
      throw new Error("certificate and key do not belong together");
    if (Date.parse(certificate.validTo) < Date.now())
      throw new Error(`certificate ended on ${certificate.validTo}`);
    return {
      certificate,
      certificatePem,
      privateKey,
      publicKey: createPublicKey(privateKey),
      certificatePath,
    };
  } catch (cause) {
    throw new OximyError(
      "OXIMY_E_CA",
      `The certificate authority in ${directory} cannot be used: ${(cause as Error).message}`,
      `Give yourself access to that folder, or move it away: a new CA is made at the next start and must then be trusted anew.`,
      { cause },
    );
  }
}
