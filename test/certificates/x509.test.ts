import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type CertificateRequest, issueCertificate, keyIdentifier } from "../../src/certificates/x509.js";
import { openssl } from "../proxy/openssl.js";
import { temporaryFolder } from "../temporary-folder.js";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

const request = (parts: Partial<CertificateRequest> = {}): CertificateRequest => ({
  subject: [{ name: "commonName", value: "api.openai.com" }],
  issuer: [{ name: "commonName", value: "Test CA" }],
  publicKey,
  notBefore: new Date("2026-01-01T00:00:00Z"),
  notAfter: new Date("2026-07-01T00:00:00Z"),
  extensions: [],
  ...parts,
});

test("a certificate says what was asked for, and its signature is the issuer's", () => {
  const certificate = new X509Certificate(issueCertificate(request(), privateKey));
  expect(certificate.subject).toBe("CN=api.openai.com");
  expect(certificate.issuer).toBe("CN=Test CA");
  expect(new Date(certificate.validFrom)).toEqual(new Date("2026-01-01T00:00:00Z"));
  expect(new Date(certificate.validTo)).toEqual(new Date("2026-07-01T00:00:00Z"));
  expect(certificate.publicKey.export({ type: "spki", format: "der" })).toEqual(
    publicKey.export({ type: "spki", format: "der" }),
  );
  expect(certificate.verify(publicKey)).toBe(true);
  const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
  expect(certificate.verify(stranger.publicKey)).toBe(false);
});

test("openssl reads it as version 3 with ecdsa-with-SHA256, the same inside and out", () => {
  const text = openssl(["x509", "-noout", "-text"], issueCertificate(request(), privateKey));
  expect(text).toContain("Version: 3 (0x2)");
  expect(text.match(/Signature Algorithm: ecdsa-with-SHA256/g)).toHaveLength(2);
  expect(text).toContain("ASN1 OID: prime256v1");
});

test("times from 2050 on are written as GeneralizedTime", () => {
  const notAfter = new Date("2051-02-03T04:05:06Z");
  const pem = issueCertificate(request({ notAfter }), privateKey);
  expect(new Date(new X509Certificate(pem).validTo)).toEqual(notAfter);
  expect(openssl(["asn1parse"], pem)).toMatch(
    /UTCTIME +:260101000000Z[\s\S]*GENERALIZEDTIME +:20510203040506Z/,
  );
});

test("serial numbers are positive, 127 bits long, and no two are alike", () => {
  const serials = Array.from(
    { length: 50 },
    () => new X509Certificate(issueCertificate(request(), privateKey)).serialNumber,
  );
  for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  expect(new Set(serials).size).toBe(serials.length);
});

test("the key identifier is what openssl computes for the same key", () => {
  const folder = temporaryFolder();
  const key = join(folder, "key.pem");
  writeFileSync(key, privateKey.export({ type: "pkcs8", format: "pem" }));
  const pem = openssl([
    ...["req", "-x509", "-new", "-key", key, "-subj", "/CN=x"],
    ...["-addext", "subjectKeyIdentifier=hash"],
  ]);
  const hex = Buffer.from(keyIdentifier(publicKey), "binary").toString("hex").toUpperCase();
  const colons = hex.match(/../g)!.join(":");
  expect(openssl(["x509", "-noout", "-ext", "subjectKeyIdentifier"], pem)).toContain(colons);
});
