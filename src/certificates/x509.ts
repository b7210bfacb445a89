/**
 * Builds X.509 certificates (RFC 5280): node-forge builds the structures, node:crypto the P-256 key and the
 * signature. node-forge does not support elliptic curves, so the two fields that need them (SubjectPublicKeyInfo and
 * the signature algorithm) are inserted as DER.
 */

import { createHash, type KeyObject, randomBytes, sign } from "node:crypto";
import forge from "node-forge";

const { asn1, pki } = forge;
const { Class, Type } = asn1;

/** ecdsa-with-SHA256, whose parameters are absent (RFC 5758 §3.2). */
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";

export interface CertificateRequest {
  readonly subject: forge.pki.CertificateField[];
  readonly issuer: forge.pki.CertificateField[];
  readonly publicKey: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** As node-forge's `setExtensions` takes them. */
  readonly extensions: object[];
}

const sequence = (...children: forge.asn1.Asn1[]) =>
  asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, children);

function signatureAlgorithm(): forge.asn1.Asn1 {
  const oid = asn1.oidToDer(ECDSA_WITH_SHA256).getBytes();
  return sequence(asn1.create(Class.UNIVERSAL, Type.OID, false, oid));
}

/** GeneralizedTime from 2050 on, UTCTime before (RFC 5280 §4.1.2.5). */
function time(date: Date): forge.asn1.Asn1 {
  return date.getUTCFullYear() < 2050
    ? asn1.create(Class.UNIVERSAL, Type.UTCTIME, false, asn1.dateToUtcTime(date))
    : asn1.create(Class.UNIVERSAL, Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date));
}

/** Positive and 127 bits long, so that serial numbers of one issuer do not collide (RFC 5280 §4.1.2.2). */
function serialNumber(): forge.asn1.Asn1 {
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return asn1.create(Class.UNIVERSAL, Type.INTEGER, false, serial.toString("binary"));
}

const spkiOf = (publicKey: KeyObject) => publicKey.export({ type: "spki", format: "der" });

/** SHA-1 of the subjectPublicKey bits (RFC 5280 §4.2.1.2, method 1), as a binary string. */
export function keyIdentifier(publicKey: KeyObject): string {
  // A P-256 SubjectPublicKeyInfo ends in the 65 bytes of the uncompressed point.
  return createHash("sha1").update(spkiOf(publicKey).subarray(-65)).digest("binary");
}

/** The subject key identifier extension for a key that node-forge cannot hash by itself. */
export function subjectKeyIdentifier(publicKey: KeyObject): object {
  return {
    id: "2.5.29.14",
    name: "subjectKeyIdentifier",
    value: asn1.create(Class.UNIVERSAL, Type.OCTETSTRING, false, keyIdentifier(publicKey)),
  };
}

const DNS_NAME = 2;
const IP_ADDRESS = 7;

/** Permits only names at and below these domains, and no IP address (RFC 5280 §4.2.1.10). */
export function nameConstraints(domains: readonly string[]): object {
  const subtree = (kind: number, value: string) =>
    sequence(asn1.create(Class.CONTEXT_SPECIFIC, kind, false, value));
  const subtrees = (which: number, trees: forge.asn1.Asn1[]) =>
    asn1.create(Class.CONTEXT_SPECIFIC, which, true, trees);
  // An address and its mask: all of IPv4, all of IPv6.
  const everyAddress = [8, 32].map((length) => subtree(IP_ADDRESS, "\0".repeat(length)));
  return {
    id: "2.5.29.30",
    name: "nameConstraints",
    critical: true,
    value: sequence(
      subtrees(
        0,
        domains.map((domain) => subtree(DNS_NAME, domain)),
      ),
      subtrees(1, everyAddress),
    ),
  };
}

/** Builds a certificate and signs it with a P-256 issuer key. Returns PEM. */
export function issueCertificate(request: CertificateRequest, issuerKey: KeyObject): string {
  const names = pki.createCertificate();
  names.setSubject(request.subject);
  names.setIssuer(request.issuer);
  names.setExtensions(request.extensions);
  const toBeSigned = sequence(
    asn1.create(Class.CONTEXT_SPECIFIC, 0, true, [
      asn1.create(Class.UNIVERSAL, Type.INTEGER, false, asn1.integerToDer(2).getBytes()),
    ]),
    serialNumber(),
    signatureAlgorithm(),
    pki.distinguishedNameToAsn1(names.issuer as never),
    sequence(time(request.notBefore), time(request.notAfter)),
    pki.distinguishedNameToAsn1(names.subject as never),
    asn1.fromDer(spkiOf(request.publicKey).toString("binary")),
    (pki as unknown as PkiExtensions).certificateExtensionsToAsn1(names.extensions),
  );
  const signature = sign("sha256", Buffer.from(asn1.toDer(toBeSigned).getBytes(), "binary"), issuerKey);
  const certificate = sequence(
    toBeSigned,
    signatureAlgorithm(),
    asn1.create(Class.UNIVERSAL, Type.BITSTRING, false, `\0${signature.toString("binary")}`),
  );
  const der = Buffer.from(asn1.toDer(certificate).getBytes(), "binary").toString("base64");
  return `-----BEGIN CERTIFICATE-----\n${der.replace(/.{64}(?=.)/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
}

/** node-forge exports it; its type declarations leave it out. */
interface PkiExtensions {
  certificateExtensionsToAsn1(extensions: unknown[]): forge.asn1.Asn1;
}
