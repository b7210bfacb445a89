import type { AeadDecipher, MakeDecipher } from "./aead-decipher.js";
import type { AeadProtection, CipherSuite } from "./cipher-suites.js";
import { expandLabel } from "./key-schedule.js";
import { HEADER_LENGTH, type RecordOpener } from "./record.js";

const NONCE_LENGTH = 12;
/**
 * GCM and CCM in TLS 1.2: this part of the nonce is secret, the rest precedes each record's ciphertext (RFC 5288 §3).
 */
const SALT_LENGTH = 4;
const EXPLICIT_LENGTH = NONCE_LENGTH - SALT_LENGTH;
/** Sequence number, record type, version, length (RFC 5246 §6.2.3.3). */
const EXTRA_LENGTH = 13;

/** Length of the IV per direction in TLS 1.2's key block. */
export function fixedIvLength(protection: AeadProtection): number {
  return protection.algorithm === "chacha20-poly1305" ? NONCE_LENGTH : SALT_LENGTH;
}

abstract class AeadOpener implements RecordOpener {
  contentType = 0;
  protected readonly nonce = Buffer.alloc(NONCE_LENGTH);
  protected sequence = 0;

  constructor(
    protected readonly decipher: AeadDecipher,
    protected readonly iv: Buffer,
  ) {}

  abstract open(record: Buffer): Buffer | undefined;

  wipe(): void {
    this.decipher.wipe();
    this.iv.fill(0);
    this.nonce.fill(0);
  }

  /** The IV with the sequence number added (RFC 8446 §5.3, RFC 7905 §2). */
  protected makeNonce(): void {
    const { nonce, iv } = this;
    for (let at = 0; at < NONCE_LENGTH; at++) nonce[at] = iv[at]!;
    let rest = this.sequence;
    for (let at = NONCE_LENGTH - 1; rest > 0; at--) {
      nonce[at]! ^= rest % 256;
      rest = Math.floor(rest / 256);
    }
  }
}

/** TLS 1.3 (RFC 8446 §5.2): the content type is the last nonzero byte of the plaintext. */
class Tls13Opener extends AeadOpener {
  open(record: Buffer): Buffer | undefined {
    this.makeNonce();
    const inner = this.decipher.open(this.nonce, record, HEADER_LENGTH, record, HEADER_LENGTH);
    if (inner === undefined || inner.length === 0) return undefined;
    this.sequence++;
    let end = inner.length - 1;
    while (end > 0 && inner[end] === 0) end--;
    this.contentType = inner[end]!;
    return inner.subarray(0, end);
  }
}

class Tls12Opener extends AeadOpener {
  private readonly extra = Buffer.alloc(EXTRA_LENGTH);
  private readonly explicit: number;
  private readonly tagLength: number;

  constructor(decipher: AeadDecipher, iv: Buffer, tagLength: number) {
    super(decipher, iv);
    this.explicit = NONCE_LENGTH - iv.length;
    this.tagLength = tagLength;
  }

  open(record: Buffer): Buffer | undefined {
    const start = HEADER_LENGTH + this.explicit;
    const length = record.length - start - this.tagLength;
    if (length < 0) return undefined;
    if (this.explicit === 0) {
      this.makeNonce();
    } else {
      this.iv.copy(this.nonce);
      record.copy(this.nonce, SALT_LENGTH, HEADER_LENGTH, HEADER_LENGTH + EXPLICIT_LENGTH);
    }
    const extra = this.extra;
    extra.writeUIntBE(this.sequence, 2, 6);
    record.copy(extra, 8, 0, 3);
    extra.writeUInt16BE(length, 11);
    const content = this.decipher.open(this.nonce, extra, EXTRA_LENGTH, record, start);
    if (content === undefined) return undefined;
    this.sequence++;
    this.contentType = record[0]!;
    return content;
  }
}

/** TLS 1.3 derives the keys from a traffic secret (RFC 8446 §7.3). */
export function openerForTrafficSecret(suite: CipherSuite, secret: Buffer, make: MakeDecipher): RecordOpener {
  const protection = suite.protection as AeadProtection;
  const key = expandLabel(suite.hash, secret, "key", protection.keyLength);
  return new Tls13Opener(make(protection, key), expandLabel(suite.hash, secret, "iv", NONCE_LENGTH));
}

export function openerForTls12(
  protection: AeadProtection,
  key: Buffer,
  iv: Buffer,
  make: MakeDecipher,
): RecordOpener {
  return new Tls12Opener(make(protection, key), iv, protection.tagLength);
}
