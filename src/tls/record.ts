/** TLS records (RFC 8446 §5.1): a header of type, version and length, and the payload. */

export const CONTENT = {
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
  heartbeat: 24,
} as const;

export const HEADER_LENGTH = 5;
/** RFC 5246 §6.2.3; the limit of TLS 1.3 is lower. */
const MAX_LENGTH = (1 << 14) + 2048;

/**
 * Decrypts the records of one direction with one key, in order. Its sequence number only advances on success, so that
 * an opener can be tried on one record after the other.
 */
export interface RecordOpener {
  /** Content type of the record decrypted last. */
  readonly contentType: number;
  /**
   * The plaintext of `record` (given with its header); undefined when the tag or MAC does not match. Valid until
   * another record is decrypted on this thread.
   */
  open(record: Buffer): Buffer | undefined;
  /** Overwrites the keys; the opener must not be used afterwards. */
  wipe(): void;
}

/** Whether these five bytes can begin a record. */
export function isRecordHeader(bytes: Buffer, at: number): boolean {
  const type = bytes[at]!;
  return (
    type >= CONTENT.changeCipherSpec &&
    type <= CONTENT.heartbeat &&
    bytes[at + 1] === 3 &&
    bytes[at + 2]! <= 4 &&
    recordLength(bytes, at) <= HEADER_LENGTH + MAX_LENGTH
  );
}

/** Length with the header. */
export function recordLength(bytes: Buffer, at: number): number {
  return HEADER_LENGTH + ((bytes[at + 3]! << 8) | bytes[at + 4]!);
}
