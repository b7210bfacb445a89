/**
 * How TLS secrets go from the native reader of the probes to the capture thread: frames of 72 bytes on a stream,
 * numbers in little-endian order (native/secret_probes.h: SecretFrame).
 *
 * | bytes | what |
 * |---|---|
 * | 0–3 | the watch: the number that the proxy gave the connection |
 * | 4 | label |
 * | 5 | length of the secret: 32 or 48 |
 * | 6–7 | flags; bit 0: candidate |
 * | 8–71 | secret, then zeros |
 */

/** In the order of their numbers. The names are those of the key log format. */
export const SECRET_LABELS = [
  /** The place where it was copied does not tell, or the label could not be read: try it for all. */
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
   * Not proven by the client's random: a secret of the watched process, perhaps of another of its connections. Whether
   * a record opens with it decides.
   */
  readonly candidate: boolean;
  /** 32 or 48 bytes. */
  readonly secret: Buffer;
}

export const SECRET_FRAME_BYTES = 72;

const SECRET_OFFSET = 8;
const CANDIDATE = 1;

/** @throws RangeError when the secret has another length than 32 or 48. */
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
 * Cuts a stream of bytes into frames. It wipes what it is given and what it keeps; each frame's `secret` is a copy of
 * its own, which who takes it wipes.
 */
export class SecretFrameReader {
  private readonly partial = Buffer.alloc(SECRET_FRAME_BYTES);
  private filled = 0;

  /** Calls `take` for each frame that is whole. Frames that no reader of secrets writes are left out. */
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

  /** Forgets a frame of which only a part came. */
  wipe(): void {
    this.partial.fill(0);
    this.filled = 0;
  }
}

function decode(bytes: Buffer): SecretFrame | undefined {
  const label = SECRET_LABELS[bytes.readUInt8(4)];
  const length = bytes.readUInt8(5);
  if (label === undefined || !isSecretLength(length)) return undefined;
  // Not from Buffer's pool, where other buffers of the program lie beside it.
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
