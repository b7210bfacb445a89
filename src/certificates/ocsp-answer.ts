/**
 * An OCSP staple for one of our certificates. Clients that request one (curl --cert-status, GnuTLS, browsers) get it
 * when the server's own staple was good, so that they see the same status as without Oximy.
 */

import { createHash, sign, X509Certificate } from "node:crypto";
import type { CertificateAuthority } from "./ca.js";
import { der, readDer } from "./der.js";
import { keyIdentifier } from "./x509.js";

const HOUR = 3_600_000;
/** Valid from before now, for clocks that are behind. */
const BACKDATE_MS = HOUR;
const VALID_MS = 24 * HOUR;

const SEQUENCE = 0x30;
const OCTETS = 0x04;
/** SHA-1, which names issuers in OCSP (RFC 5019 §2.1.1); ecdsa-with-SHA256; id-pkix-ocsp-basic. */
const SHA1 = Buffer.from("06052b0e03021a0500", "hex");
const ECDSA_WITH_SHA256 = Buffer.from("06082a8648ce3d040302", "hex");
const BASIC = Buffer.from("06092b0601050507300101", "hex");

const generalizedTime = (time: number) =>
  der(0x18, Buffer.from(`${new Date(time).toISOString().replace(/[-:T]|\.\d+/g, "")}`));

/** @param leafPem issued by `ca` */
export function makeStaple(ca: CertificateAuthority, leafPem: string, now = Date.now()): Buffer {
  const issuerKeyHash = Buffer.from(keyIdentifier(ca.publicKey), "binary");
  const issuerName = subjectOf(ca.certificate);
  const serial = fieldsOf(new X509Certificate(leafPem))[1]!.whole;
  const certId = der(
    SEQUENCE,
    der(SEQUENCE, SHA1),
    der(OCTETS, createHash("sha1").update(issuerName).digest()),
    der(OCTETS, issuerKeyHash),
    serial,
  );
  const GOOD = der(0x80);
  const single = der(
    SEQUENCE,
    certId,
    GOOD,
    generalizedTime(now - BACKDATE_MS),
    der(0xa0, generalizedTime(now + VALID_MS)),
  );
  const byKey = der(0xa2, der(OCTETS, issuerKeyHash));
  const data = der(SEQUENCE, byKey, generalizedTime(now - BACKDATE_MS), der(SEQUENCE, single));
  const signature = sign("sha256", data, ca.privateKey);
  const basic = der(SEQUENCE, data, der(SEQUENCE, ECDSA_WITH_SHA256), der(0x03, Buffer.from([0]), signature));
  const SUCCESSFUL = der(0x0a, Buffer.from([0]));
  return der(SEQUENCE, SUCCESSFUL, der(0xa0, der(SEQUENCE, BASIC, der(OCTETS, basic))));
}

/** TBSCertificate ::= SEQUENCE { [0] version, serialNumber, signature, issuer, validity, subject, … }, version 3. */
const fieldsOf = ({ raw }: X509Certificate) => readDer(raw)?.children()[0]?.children() ?? [];
const subjectOf = (certificate: X509Certificate) => fieldsOf(certificate)[5]!.whole;
