/**
 * Reads a key log as a stream (draft-ietf-tls-keylogfile): lines of a label, the client random and a secret, the latter
 * two in hexadecimal. The input is untrusted: any program may write to it.
 */

import { SECRET_LABELS, type SecretLabel } from "./secret-frame.js";

export interface KeyLogEntry {
  readonly label: Exclude<SecretLabel, "unknown">;
  /** 32 bytes. */
  readonly random: Buffer;
  /** 32 or 48 bytes; a copy that the receiver must wipe. */
  readonly secret: Buffer;
}

export const RANDOM_BYTES = 32;
const SECRET_LENGTHS: readonly number[] = [32, 48];

const LABELS = SECRET_LABELS.filter((label) => label !== "unknown").map(
  (label) => [label, Buffer.from(label, "latin1")] as const,
);
/** The longest label, a random, the longest secret, two spaces and a carriage return. */
const MAX_LINE = Math.max(...LABELS.map(([, name]) => name.length)) + 1 + 64 + 1 + 96 + 1;

const LF = 10;
const CR = 13;
const SPACE = 32;

export class KeyLogParser {
  /** The incomplete current line. Never converted to a string, since strings cannot be wiped. */
  private readonly line = Buffer.alloc(MAX_LINE);
  private length = 0;
  private isTooLong = false;

  /** Calls `take` for each complete secret and skips all other lines. Wipes `bytes`. */
  push(bytes: Uint8Array, take: (entry: KeyLogEntry) => void): void {
    for (const byte of bytes) {
      if (byte === LF) {
        const entry = this.isTooLong ? undefined : readLine(this.line, this.length);
        this.wipe();
        if (entry) take(entry);
      } else if (this.length < MAX_LINE) {
        this.line[this.length++] = byte;
      } else {
        this.isTooLong = true;
      }
    }
    bytes.fill(0);
  }

  /** Wipes an incomplete line. */
  wipe(): void {
    this.line.fill(0, 0, this.length);
    this.length = 0;
    this.isTooLong = false;
  }
}

function readLine(line: Buffer, length: number): KeyLogEntry | undefined {
  const end = length > 0 && line[length - 1] === CR ? length - 1 : length;
  const found = LABELS.find(
    ([, name]) => line[name.length] === SPACE && line.compare(name, 0, name.length, 0, name.length) === 0,
  );
  if (found === undefined) return undefined;
  const [label, name] = found;
  const randomAt = name.length + 1;
  const secretAt = randomAt + RANDOM_BYTES * 2 + 1;
  const secretLength = (end - secretAt) / 2;
  if (!SECRET_LENGTHS.includes(secretLength) || line[secretAt - 1] !== SPACE) return undefined;
  const random = readHex(line, randomAt, RANDOM_BYTES);
  const secret = readHex(line, secretAt, secretLength);
  return random && secret && { label, random, secret };
}

/** Undefined unless there are `length` bytes in hexadecimal. */
function readHex(line: Buffer, at: number, length: number): Buffer | undefined {
  // Not from Buffer's pool, which is shared with other buffers of the program.
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) {
    const high = digit(line[at + index * 2]!);
    const low = digit(line[at + index * 2 + 1]!);
    if (high < 0 || low < 0) {
      bytes.fill(0);
      return undefined;
    }
    bytes[index] = high * 16 + low;
  }
  return bytes;
}

/** Value of an ASCII hexadecimal digit; -1 for any other character. */
function digit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
