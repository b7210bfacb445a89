/** The staple of a server's handshake: the status of its certificate (OCSP, RFC 6960; status_request, RFC 6066 §8). */

import { type KeyObject, verify, X509Certificate } from "node:crypto";
import { type DerValue, oidOf, readDer, timeOf } from "../../certificates/der.js";

/** `good`: as every client would find it. Anything else is for the client to judge. */
export type StapleState = "good" | "revoked" | "unusable";

const BASIC_RESPONSE = "1.3.6.1.5.5.7.48.1.1";
const OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
const TLS_FEATURE = "1.3.6.1.5.5.7.1.24";
const DIGESTS: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.1.1.11", "sha256"],
  ["1.2.840.113549.1.1.12", "sha384"],
  ["1.2.840.113549.1.1.13", "sha512"],
  ["1.2.840.10045.4.3.2", "sha256"],
  ["1.2.840.10045.4.3.3", "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
]);
/** Tolerance for clocks that differ. */
const SKEW_MS = 300_000;

/** @param issuer of the certificate; absent when unknown */
export function readStaple(
  response: Buffer,
  certificate: X509Certificate,
  issuer: X509Certificate | undefined,
  now = Date.now(),
): StapleState {
  // OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED, [0] { SEQUENCE { OBJECT IDENTIFIER, OCTET STRING } } }
  const [status, wrapped] = readDer(response)?.children() ?? [];
  const [type, octets] = wrapped?.children()[0]?.children() ?? [];
  if (status?.value[0] !== 0 || !type || !octets || oidOf(type.value) !== BASIC_RESPONSE) return "unusable";
  const [data, algorithm, signature, certificates] = readDer(octets.value)?.children() ?? [];
  if (!data || !algorithm || !signature) return "unusable";
  const single = singleOf(data, certificate.serialNumber);
  // [1] is revoked. Whoever signed it: showing that to the client can do no harm.
  if (single?.status === 0xa1) return "revoked";
  if (single?.status !== 0x80 || now < single.from - SKEW_MS || !(now < single.until + SKEW_MS))
    return "unusable";
  const signers = issuer ? [issuer, ...delegatesOf(certificates, issuer)] : [];
  const isSigned = signers.some(({ publicKey }) => isSignedBy(publicKey, data, algorithm, signature));
  return isSigned ? "good" : "unusable";
}

interface Single {
  /** Identifier octet of certStatus: 0x80 good, 0xa1 revoked, 0x82 unknown. */
  readonly status: number;
  readonly from: number;
  /** NaN without an end: a strict client then rejects it. */
  readonly until: number;
}

/** ResponseData ::= SEQUENCE { [0] version?, responderID, producedAt, responses SEQUENCE OF SingleResponse, … } */
function singleOf(data: DerValue, serialNumber: string): Single | undefined {
  const responses = data.children().find(({ tag }) => tag === 0x30);
  for (const response of responses?.children() ?? []) {
    const [id, status, from, until] = response.children();
    const serial = id
      ?.children()[3]
      ?.value.toString("hex")
      .replace(/^(00)+(?=.)/, "");
    if (!status || !from || serial !== serialNumber.toLowerCase().replace(/^(00)+(?=.)/, "")) continue;
    const end = until?.tag === 0xa0 ? until.children()[0] : undefined;
    return { status: status.tag, from: timeOf(from.value), until: end ? timeOf(end.value) : Number.NaN };
  }
  return undefined;
}

/** Certificates that the issuer authorized to sign in its place (RFC 6960 §4.2.2.2). */
function delegatesOf(certificates: DerValue | undefined, issuer: X509Certificate): X509Certificate[] {
  return (certificates?.children()[0]?.children() ?? []).slice(0, 4).flatMap(({ whole }) => {
    try {
      const delegate = new X509Certificate(whole);
      const mayAnswer = (delegate.keyUsage as string[] | undefined)?.includes(OCSP_SIGNING);
      return mayAnswer && delegate.verify(issuer.publicKey) ? [delegate] : [];
    } catch {
      return []; // not a certificate
    }
  });
}

function isSignedBy(key: KeyObject, data: DerValue, algorithm: DerValue, signature: DerValue): boolean {
  const digest = DIGESTS.get(oidOf(algorithm.children()[0]?.value ?? Buffer.alloc(0)));
  try {
    // A BIT STRING begins with the number of its unused bits.
    return digest !== undefined && verify(digest, data.whole, key, signature.value.subarray(1));
  } catch {
    return false; // a different type of key
  }
}

/** Whether the certificate must always come with a staple (TLS feature extension, RFC 7633). */
export function mustBeStapled({ raw }: X509Certificate): boolean {
  const extensions = readDer(raw)
    ?.children()[0]
    ?.children()
    .find(({ tag }) => tag === 0xa3)
    ?.children()[0];
  return (extensions?.children() ?? []).some((extension) => {
    const [id] = extension.children();
    return id !== undefined && oidOf(id.value) === TLS_FEATURE;
  });
}
