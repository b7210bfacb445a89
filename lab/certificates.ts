import { generateKeyPairSync, X509Certificate } from "node:crypto";
import forge from "node-forge";

/** The flaw of a server's certificate, if any. */
export type CertificateKind = "valid" | "expired" | "self_signed" | "wrong_name";

export interface ServerCertificate {
  readonly key: string;
  /** The leaf alone. */
  readonly cert: string;
  /** SHA-256 in upper-case hex with colons, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprint256: string;
}

const DAY = 24 * 3600 * 1000;

/** A certificate authority in the role of the public roots. */
export class LabAuthority {
  readonly cert: string;
  private readonly issuer: forge.pki.Certificate;
  private readonly key: forge.pki.rsa.PrivateKey;
  private readonly leafKeys = newKeys();
  private serial = 1;

  constructor() {
    const keys = newKeys();
    const root = this.unsigned(keys.publicKey, "Oximy Lab Root", 0);
    root.setExtensions([
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
      { name: "subjectKeyIdentifier" },
    ]);
    root.sign(keys.privateKey, forge.md.sha256.create());
    this.issuer = root;
    this.key = keys.privateKey;
    this.cert = forge.pki.certificateToPem(root);
  }

  /** A certificate for all of `names`, or one with the flaw given by `kind`. */
  issue(names: readonly string[], kind: CertificateKind = "valid"): ServerCertificate {
    const { publicKey, privateKey } = this.leafKeys;
    const subjects = kind === "wrong_name" ? ["another-name.example"] : names;
    const leaf = this.unsigned(publicKey, subjects[0]!, kind === "expired" ? -60 * DAY : 0);
    leaf.setExtensions([
      { name: "basicConstraints", cA: false },
      { name: "keyUsage", digitalSignature: true, keyEncipherment: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      { name: "subjectAltName", altNames: subjects.map((value) => ({ type: 2, value })) },
    ]);
    if (kind !== "self_signed") leaf.setIssuer(this.issuer.subject.attributes);
    leaf.sign(kind === "self_signed" ? privateKey : this.key, forge.md.sha256.create());
    const cert = forge.pki.certificateToPem(leaf);
    return {
      key: forge.pki.privateKeyToPem(privateKey),
      cert,
      fingerprint256: new X509Certificate(cert).fingerprint256,
    };
  }

  /** Valid for 30 days around now, shifted by `shift` milliseconds. */
  private unsigned(publicKey: forge.pki.PublicKey, commonName: string, shift: number): forge.pki.Certificate {
    const cert = forge.pki.createCertificate();
    const subject = [{ name: "commonName", value: commonName }];
    cert.publicKey = publicKey;
    cert.serialNumber = (this.serial++).toString(16).padStart(4, "0");
    cert.setSubject(subject);
    cert.setIssuer(subject);
    cert.validity.notBefore = new Date(Date.now() + shift - 15 * DAY);
    cert.validity.notAfter = new Date(Date.now() + shift + 15 * DAY);
    return cert;
  }
}

/** RSA, because node-forge supports nothing else for signing; the keys themselves come from OpenSSL, which is fast. */
function newKeys(): forge.pki.rsa.KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  return {
    publicKey: forge.pki.publicKeyFromPem(publicKey) as forge.pki.rsa.PublicKey,
    privateKey: forge.pki.privateKeyFromPem(privateKey) as forge.pki.rsa.PrivateKey,
  };
}
