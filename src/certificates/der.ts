/** The subset of DER (X.690) needed to read certificates and OCSP responses. The input is untrusted. */

export interface DerValue {
  /** The identifier octet, such as 0x30 for a SEQUENCE and 0xa0 for [0]. */
  readonly tag: number;
  readonly value: Buffer;
  /** Including the header. */
  readonly whole: Buffer;
  /** Nested values; empty when the content is not made of any. */
  children(): DerValue[];
}

/** More elements than any certificate or response read here has. */
const MAX_CHILDREN = 20_000;

/** The first value in `bytes`; undefined when it is truncated or not valid DER. */
export function readDer(bytes: Buffer): DerValue | undefined {
  const [tag, first] = bytes;
  // Tags above 30 take more octets; none occur in the structures read here.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  const octets = first & 0x80 ? first & 0x7f : 0;
  if (first === 0x80 || octets > 4 || bytes.length < 2 + octets) return undefined;
  const length = octets === 0 ? first : bytes.readUIntBE(2, octets);
  const start = 2 + octets;
  if (bytes.length < start + length) return undefined;
  const value = bytes.subarray(start, start + length);
  return { tag, value, whole: bytes.subarray(0, start + length), children: () => childrenOf(value) };
}

function childrenOf(bytes: Buffer): DerValue[] {
  const found: DerValue[] = [];
  for (let rest = bytes; rest.length > 0 && found.length < MAX_CHILDREN; ) {
    const next = readDer(rest);
    if (next === undefined) return [];
    found.push(next);
    rest = rest.subarray(next.whole.length);
  }
  return found;
}

/** Dotted form of an OBJECT IDENTIFIER's content (X.690 §8.19). */
export function oidOf(value: Buffer): string {
  const parts: number[] = [];
  let part = 0;
  for (const octet of value) {
    part = part * 128 + (octet & 0x7f);
    if ((octet & 0x80) !== 0) continue;
    if (parts.length === 0)
      parts.push(Math.min(2, Math.floor(part / 40)), part - 40 * Math.min(2, Math.floor(part / 40)));
    else parts.push(part);
    part = 0;
  }
  return parts.join(".");
}

/** Epoch ms of a GeneralizedTime `YYYYMMDDHHMMSSZ` (RFC 5280 §4.1.2.5.2); NaN for any other form. */
export function timeOf(value: Buffer): number {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(value.toString("latin1"));
  if (!match) return Number.NaN;
  const [year, month, ...rest] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, ...rest);
}

const lengthOctets = (length: number): number[] => {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 | octets.length, ...octets];
};

/** Encodes a value with its header. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(value.length)]), value]);
}
