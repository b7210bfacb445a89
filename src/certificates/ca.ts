/** A certificate authority: created on first use and stored as two files in a folder of its owner. */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  X509Certificate,
} from "node:crypto";
import { chmodSync, existsSync, linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { OximyError } from "../errors.js";
import { makeFolder } from "../make-folder.js";
import { CA_CERTIFICATE_FILE } from "../user/settings.js";
import { issueCertificate, nameConstraints, subjectKeyIdentifier } from "./x509.js";

export const CA_KEY_FILE = "oximy-ca-key.pem";

const DISK_FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"]);

export interface CertificateAuthority {
  readonly certificate: X509Certificate;
  readonly certificatePem: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Path of the certificate file that clients must trust. */
  readonly certificatePath: string;
}

const DAY = 86_400_000;
/** Five years. */
const CA_DAYS = 1826;

/** What a CA may sign: any name, or only names at and below these domains and no IP address (RFC 5280 §4.2.1.10). */
export type Scope =
  | { readonly kind: "any" }
  | { readonly kind: "below"; readonly domains: readonly string[] };

const ANY: Scope = { kind: "any" };

/** PEM of a new CA certificate. Its name includes host and date to distinguish several in one trust store. */
export function makeCaCertificate(privateKey: KeyObject, now = new Date(), scope = ANY): string {
  const publicKey = createPublicKey(privateKey);
  // Only what a PrintableString can hold (RFC 5280 §4.1.2.4): systems disagree about the rest.
  const host = hostname()
    .slice(0, 32)
    .replace(/[^A-Za-z0-9.-]/g, "-");
  const name = [
    { name: "commonName", value: `Oximy CA (${host} ${now.toISOString().slice(0, 10)})` },
    { name: "organizationName", value: "Oximy" },
  ];
  return issueCertificate(
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
        ...(scope.kind === "below" ? [nameConstraints(scope.domains)] : []),
      ],
    },
    privateKey,
  );
}

/** Creates a file atomically; with several writers, the first one wins. */
function writeOnce(path: string, text: string, mode: number): void {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    writeFileSync(temporary, text, { mode, flag: "wx" });
    chmodSync(temporary, mode);
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/**
 * Creates whichever files are missing. Several processes may do so at once: one key wins, and whichever certificate
 * wins was made for that key. A certificate without its key is left alone, since someone may trust it.
 */
function makeMissing(certificatePath: string, keyPath: string, scope: Scope): void {
  if (existsSync(certificatePath)) return;
  if (!existsSync(keyPath)) {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    writeOnce(keyPath, privateKey.export({ type: "pkcs8", format: "pem" }) as string, 0o600);
  }
  writeOnce(certificatePath, makeCaCertificate(readKey(keyPath), new Date(), scope), 0o644);
}

function readKey(path: string): KeyObject {
  const key = createPrivateKey(readFileSync(path, "utf8"));
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") throw new Error("its key is not a P-256 key");
  return key;
}

/** Reads the CA in `directory`, or creates one with `scope`. Throws OXIMY_E_CA. */
export function openCa(directory: string, now = Date.now(), scope: Scope = ANY): CertificateAuthority {
  return usable(directory, () => {
    makeFolder(directory);
    makeMissing(join(directory, CA_CERTIFICATE_FILE), join(directory, CA_KEY_FILE), scope);
    return read(directory, now);
  });
}

/** Reads the CA in `directory`; never creates one. Throws OXIMY_E_CA. */
export function readCa(directory: string, now = Date.now()): CertificateAuthority {
  return usable(directory, () => read(directory, now));
}

function read(directory: string, now: number): CertificateAuthority {
  const certificatePath = join(directory, CA_CERTIFICATE_FILE);
  const certificatePem = readFileSync(certificatePath, "utf8");
  const certificate = new X509Certificate(certificatePem);
  const privateKey = readKey(join(directory, CA_KEY_FILE));
  if (!certificate.checkPrivateKey(privateKey)) throw new Error("certificate and key do not match");
  if (!certificate.ca) throw new Error("its certificate is not a CA certificate");
  if (Date.parse(certificate.validTo) < now) throw new Error(`certificate expired on ${certificate.validTo}`);
  return {
    certificate,
    certificatePem,
    privateKey,
    publicKey: createPublicKey(privateKey),
    certificatePath,
  };
}

function usable(directory: string, work: () => CertificateAuthority): CertificateAuthority {
  try {
    return work();
  } catch (cause) {
    throw new OximyError(
      "OXIMY_E_CA",
      `The certificate authority in ${directory} cannot be used: ${(cause as Error).message}`,
      DISK_FULL.has((cause as NodeJS.ErrnoException).code ?? "")
        ? "Free space on that disk: missing files are created at the next start."
        : "Make that folder accessible to you, or move it away: a new CA is created at the next start and must then be trusted again.",
      { cause },
    );
  }
}
