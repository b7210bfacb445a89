import { createDecipheriv, createHmac } from "node:crypto";
import type { CbcProtection } from "./cipher-suites.js";
import { HEADER_LENGTH, type RecordOpener } from "./record.js";

const BLOCK = 16;
/** Sequence number, type, version, length: the MAC's input before the content (RFC 5246 §6.2.3.1). */
const EXTRA_LENGTH = 13;

/**
 * CBC of TLS 1.2 (RFC 5246 §6.2.3.2), with the MAC inside the encryption or, where negotiated, around it (RFC 7366).
 * Constant time is not needed: a passive reader responds to nobody, so it is no padding oracle.
 */
export class CbcOpener implements RecordOpener {
  contentType = 0;
  private readonly extra = Buffer.alloc(EXTRA_LENGTH);
  private sequence = 0;

  constructor(
    private readonly protection: CbcProtection,
    private readonly key: Buffer,
    private readonly macKey: Buffer,
    private readonly order: "mac_then_encrypt" | "encrypt_then_mac",
  ) {}

  open(record: Buffer): Buffer | undefined {
    const content =
      this.order === "encrypt_then_mac" ? this.openMacOutside(record) : this.openMacInside(record);
    if (content === undefined) return undefined;
    this.sequence++;
    this.contentType = record[0]!;
    return content;
  }

  wipe(): void {
    this.key.fill(0);
    this.macKey.fill(0);
  }

  private openMacOutside(record: Buffer): Buffer | undefined {
    const end = record.length - this.protection.macLength;
    if (end < HEADER_LENGTH + 2 * BLOCK) return undefined;
    const protectedPart = record.subarray(HEADER_LENGTH, end);
    if (!this.hasMac(record, protectedPart, record.subarray(end))) return undefined;
    return this.decrypt(protectedPart);
  }

  private openMacInside(record: Buffer): Buffer | undefined {
    const { macLength } = this.protection;
    const plain = this.decrypt(record.subarray(HEADER_LENGTH));
    if (plain === undefined || plain.length < macLength) return undefined;
    const content = plain.subarray(0, plain.length - macLength);
    return this.hasMac(record, content, plain.subarray(content.length)) ? content : undefined;
  }

  /** Without the padding. */
  private decrypt(bytes: Buffer): Buffer | undefined {
    if (bytes.length < 2 * BLOCK || bytes.length % BLOCK !== 0) return undefined;
    const decipher = createDecipheriv(this.protection.algorithm, this.key, bytes.subarray(0, BLOCK));
    decipher.setAutoPadding(false);
    const plain = decipher.update(bytes.subarray(BLOCK));
    const padding = plain[plain.length - 1]! + 1;
    return padding <= plain.length ? plain.subarray(0, plain.length - padding) : undefined;
  }

  private hasMac(record: Buffer, content: Buffer, mac: Buffer): boolean {
    const extra = this.extra;
    extra.writeUIntBE(this.sequence, 2, 6);
    record.copy(extra, 8, 0, 3);
    extra.writeUInt16BE(content.length, 11);
    return createHmac(this.protection.mac, this.macKey).update(extra).update(content).digest().equals(mac);
  }
}
