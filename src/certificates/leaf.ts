/** Leaf certificates: issued once per name and kept in memory with their TLS contexts. */

import { generateKeyPairSync } from "node:crypto";
import { isIP } from "node:net";
import type { SecureContext } from "node:tls";
import { LruCache } from "../lru-cache.js";
import type { CertificateAuthority } from "./ca.js";
import { LeafContexts, type SessionTerms } from "./leaf-contexts.js";
import { makeStaple } from "./ocsp-answer.js";
import { issueCertificate, keyIdentifier } from "./x509.js";

const DAY = 86_400_000;
/** Below Chromium's limit of 200 days for leaves, allowing for a clock that is two days off. */
const LEAF_DAYS = 197;
const BACKDATE_DAYS = 2;
/** Renewed well before expiry: a process may run for months. */
const RENEW_DAYS = 30;
const MAX_LEAVES = 2_000;

/** PEM of a leaf for one host name or address. No SKI: SChannel complains about it on leaves. */
export function makeLeaf(
  ca: CertificateAuthority,
  host: string,
  publicKey: Parameters<typeof keyIdentifier>[0],
  now = new Date(),
): string {
  const san = isIP(host) ? { type: 7, ip: host } : { type: 2, value: host };
  return issueCertificate(
    {
      // RFC 5280 limits a common name to 64 characters; clients check the SAN.
      subject: host.length <= 64 ? [{ name: "commonName", value: host }] : [],
      issuer: caName(ca),
      publicKey,
      notBefore: new Date(now.getTime() - BACKDATE_DAYS * DAY),
      notAfter: new Date(now.getTime() + (LEAF_DAYS - BACKDATE_DAYS) * DAY),
      extensions: [
        { name: "basicConstraints", critical: true, cA: false },
        { name: "keyUsage", critical: true, digitalSignature: true },
        { name: "extKeyUsage", serverAuth: true },
        { name: "subjectAltName", altNames: [san], critical: host.length > 64 },
        { name: "authorityKeyIdentifier", keyIdentifier: keyIdentifier(ca.publicKey) },
      ],
    },
    ca.privateKey,
  );
}

/** The CA's subject in its original order: issuer and subject must match byte for byte. */
function caName(ca: CertificateAuthority) {
  return ca.certificate.subject.split("\n").map((line) => {
    const at = line.indexOf("=");
    const shortName = line.slice(0, at);
    return { name: shortName === "CN" ? "commonName" : "organizationName", value: line.slice(at + 1) };
  });
}

/** A certificate as presented to a client. */
export interface ShownLeaf {
  contextFor(terms: SessionTerms): SecureContext;
  /** OCSP response for clients that request the certificate status (RFC 6066 §8). */
  staple(): Buffer;
}

/** Source of the certificates that are presented to clients. */
export interface Issuer {
  /** Starts issuing a certificate that `leafFor` will request. Errors are reported by `leafFor`. */
  prepare(host: string, port: number): void;
  /** Rejects with NotSigned when there is none for this name. */
  leafFor(host: string, port: number): Promise<ShownLeaf>;
}

/** The holder of the key did not sign; the message has the reason. */
export class NotSigned extends Error {}

interface IssuedLeaf {
  readonly contexts: LeafContexts;
  readonly issuedAt: number;
  readonly leaf: string;
}

/** Issues leaves with the CA's key. All leaves share one P-256 key, generated on each run. */
export class LeafIssuer implements Issuer {
  private readonly key = generateKeyPairSync("ec", { namedCurve: "P-256" });
  private readonly keyPem = this.key.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  private readonly leaves = new LruCache<string, IssuedLeaf>(MAX_LEAVES);

  constructor(private readonly ca: CertificateAuthority) {}

  prepare(host: string): void {
    try {
      this.issued(host, Date.now());
    } catch {}
  }

  async leafFor(host: string): Promise<ShownLeaf> {
    const { contexts } = this.issued(host, Date.now());
    return { contextFor: (terms) => contexts.contextFor(terms), staple: () => this.stapleFor(host) };
  }

  /**
   * TLS context with a leaf for `host`; without `terms`, sessions use Node's defaults. Under a millisecond when new
   * (bench/leaf-issuer), a map lookup afterwards.
   */
  contextFor(host: string, now = Date.now(), terms?: SessionTerms): SecureContext {
    return this.issued(host, now).contexts.contextFor(terms);
  }

  /** OCSP response for clients that request the certificate status (RFC 6066 §8). */
  stapleFor(host: string, now = Date.now()): Buffer {
    return makeStaple(this.ca, this.issued(host, now).leaf, now);
  }

  private issued(host: string, now: number): IssuedLeaf {
    const held = this.leaves.get(host);
    if (held && now - held.issuedAt < (LEAF_DAYS - RENEW_DAYS) * DAY) return held;
    const leaf = makeLeaf(this.ca, host, this.key.publicKey, new Date(now));
    const contexts = new LeafContexts(this.keyPem, leaf + this.ca.certificatePem);
    const issued = { contexts, issuedAt: now, leaf };
    this.leaves.set(host, issued);
    return issued;
  }
}
