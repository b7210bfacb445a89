/** TLS records (RFC 8446 §5.1): a header of type, version and length, and what they protect. */

export const CONTENT = {
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
  heartbeat: 24,
} as const;

export const HEADER_LENGTH = 5;
/** RFC 5246 §6.2.3; those of TLS 1.3 are shorter. */
const MAX_LENGTH = (1 << 14) + 2048;

/**
 * Opens the protected records of one direction under one key, in order. Counts only records that opened, so that an
 * opener may be tried on one record after the other.
 */
export interface RecordOpener {
  /** The content type of the record that was opened last. */
  readonly contentType: number;
  /**
   * What the whole `record` (header included) protects; undefined when the tag or MAC is another's. Valid
   * until another record of this thread is opened.
   */
  open(record: Buffer): Buffer | undefined;
  /** Overwrites the keys; the opener is not used any more. */
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
