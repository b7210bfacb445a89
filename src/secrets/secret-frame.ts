/**
 * Wire format of TLS secrets from the native probe reader to the capture thread: frames of 72 bytes on a stream,
 * little-endian (native/secret_probes.h: SecretFrame).
 *
 * | bytes | what |
 * |---|---|
 * | 0–3 | watch id: the number the proxy assigned to the connection |
 * | 4 | label |
 * | 5 | length of the secret: 32 or 48 |
 * | 6–7 | flags; bit 0: candidate |
 * | 8–71 | secret, then zeros |
 */

/** In numeric order. The names are those of the key log format. */
export const SECRET_LABELS = [
  /** The site does not reveal the label, or it could not be read: try the secret for every role. */
  "unknown",
  /** TLS 1.2's master secret. */
  "CLIENT_RANDOM",
  "CLIENT_EARLY_TRAFFIC_SECRET",
  "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
  "SERVER_HANDSHAKE_TRAFFIC_SECRET",
  "CLIENT_TRAFFIC_SECRET_0",
  "SERVER_TRAFFIC_SECRET_0",
] as const;

export type SecretLabel = (typeof SECRET_LABELS)[number];

export interface SecretFrame {
  /** u32 */
  readonly watchId: number;
  readonly label: SecretLabel;
  /**
   * Not verified by the client random: a secret of the watched process, possibly of another connection. It belongs to
   * this one if it decrypts a record.
   */
  readonly candidate: boolean;
  /** 32 or 48 bytes. */
  readonly secret: Buffer;
}

export const SECRET_FRAME_BYTES = 72;

const SECRET_OFFSET = 8;
const CANDIDATE = 1;

/** @throws RangeError unless the secret has 32 or 48 bytes. */
export function encodeSecretFrame({ watchId, label, candidate, secret }: SecretFrame): Buffer {
  if (!isSecretLength(secret.length)) throw new RangeError(`a secret of ${secret.length} bytes`);
  const bytes = Buffer.alloc(SECRET_FRAME_BYTES);
  bytes.writeUInt32LE(watchId, 0);
  bytes.writeUInt8(SECRET_LABELS.indexOf(label), 4);
  bytes.writeUInt8(secret.length, 5);
  bytes.writeUInt16LE(candidate ? CANDIDATE : 0, 6);
  secret.copy(bytes, SECRET_OFFSET);
  return bytes;
}

/**
 * Splits a byte stream into frames. It wipes its input and its buffer; each frame's `secret` is a copy that the
 * receiver must wipe.
 */
export class SecretFrameReader {
  private readonly partial = Buffer.alloc(SECRET_FRAME_BYTES);
  private filled = 0;

  /** Calls `take` for each complete frame. Invalid frames are skipped. */
  push(bytes: Buffer, take: (frame: SecretFrame) => void): void {
    for (let at = 0; at < bytes.length; ) {
      const copied = bytes.copy(this.partial, this.filled, at);
      at += copied;
      this.filled += copied;
      if (this.filled < SECRET_FRAME_BYTES) break;
      const frame = decode(this.partial);
      this.wipe();
      if (frame !== undefined) take(frame);
    }
    bytes.fill(0);
  }

  /** Wipes an incomplete frame. */
  wipe(): void {
    this.partial.fill(0);
    this.filled = 0;
  }
}

function decode(bytes: Buffer): SecretFrame | undefined {
  const label = SECRET_LABELS[bytes.readUInt8(4)];
  const length = bytes.readUInt8(5);
  if (label === undefined || !isSecretLength(length)) return undefined;
  // Not from Buffer's pool, which is shared with other buffers of the program.
  const secret = Buffer.alloc(length);
  bytes.copy(secret, 0, SECRET_OFFSET, SECRET_OFFSET + length);
  return {
    watchId: bytes.readUInt32LE(0),
    label,
    candidate: (bytes.readUInt16LE(6) & CANDIDATE) !== 0,
    secret,
  };
}

function isSecretLength(length: number): boolean {
  return length === 32 || length === 48;
}
