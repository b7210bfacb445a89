/** Finds one certificate in files of certificates, and computes its name in OpenSSL's folders. */

import { createHash, X509Certificate } from "node:crypto";
import forge from "node-forge";

export interface CertificateSearch {
  /** Whether a file contains it: as PEM of any line length, or in binary form (Java's JKS, NSS's database). */
  isIn(bytes: Buffer): boolean;
  /** Whether it is contained in binary form, as in databases. */
  isBinaryIn(bytes: Buffer): boolean;
  /** Its file in an OpenSSL folder is `<this>.0`, or a higher number after another one with the same hash. */
  readonly subjectHash: string;
}

/** Part of the base64 text that contains no line break at any usual line length (64, 76, none). */
const UNBROKEN = [128, 152] as const;

/** @param pem one certificate */
export function searchFor(pem: string): CertificateSearch {
  const certificate = new X509Certificate(pem);
  const der = certificate.raw;
  const base64 = der.toString("base64");
  const probe = Buffer.from(base64.slice(...UNBROKEN), "latin1");
  const isBinaryIn = (bytes: Buffer) => bytes.includes(der);
  return {
    isBinaryIn,
    isIn(bytes) {
      for (let at = bytes.indexOf(probe); at !== -1; at = bytes.indexOf(probe, at + 1)) {
        const begin = bytes.lastIndexOf("-----BEGIN", at);
        const end = bytes.indexOf("-----END", at);
        if (begin === -1 || end === -1) continue;
        const text = bytes.toString("latin1", begin, end).replace(/^-----BEGIN[^-]*-----/, "");
        if (text.replace(/\s/g, "") === base64) return true;
      }
      return isBinaryIn(bytes);
    },
    subjectHash: subjectHash(der),
  };
}

/**
 * X509_NAME_hash: the first 4 bytes, little endian, of SHA-1 over the subject in canonical form: its sets without the
 * enclosing sequence, strings as UTF-8, in lower case, trimmed and with runs of blanks collapsed
 * (openssl/crypto/x509/x_name.c, x509_name_canon).
 */
export function subjectHash(der: Buffer): string {
  const { asn1 } = forge;
  const parsed = asn1.fromDer(der.toString("binary"));
  const fields = childrenOf(childrenOf(parsed)[0]);
  // The version is optional, and the only field with a context tag in front (RFC 5280 §4.1).
  const first = fields[0]?.tagClass === asn1.Class.CONTEXT_SPECIFIC ? 1 : 0;
  const sets = childrenOf(fields[first + 4]).map((set) => asn1.toDer(canonical(set)).getBytes());
  const digest = createHash("sha1")
    .update(Buffer.from(sets.join(""), "binary"))
    .digest();
  return digest.readUInt32LE(0).toString(16).padStart(8, "0");
}

function childrenOf(node: forge.asn1.Asn1 | undefined): forge.asn1.Asn1[] {
  return Array.isArray(node?.value) ? node.value : [];
}

function canonical(node: forge.asn1.Asn1): forge.asn1.Asn1 {
  const { asn1 } = forge;
  const text: number[] = [asn1.Type.PRINTABLESTRING, asn1.Type.UTF8, asn1.Type.IA5STRING];
  if (node.constructed) {
    return asn1.create(node.tagClass, node.type, true, childrenOf(node).map(canonical));
  }
  if (!text.includes(node.type) || typeof node.value !== "string") return node;
  const value = node.value
    .replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, "")
    .replace(/[ \t\n\v\f\r]+/g, " ")
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.UTF8, false, value);
}
