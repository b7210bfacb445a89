import { Cursor } from "./cursor.js";
import { ProtocolError } from "./failure.js";

/** Types of handshake messages (RFC 8446 §4, RFC 5246 §7.4) that a passive reader acts on. */
export const MESSAGE = {
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  endOfEarlyData: 5,
  encryptedExtensions: 8,
  certificate: 11,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  finished: 20,
  keyUpdate: 24,
  compressedCertificate: 25,
} as const;

const EXTENSION = {
  alpn: 16,
  encryptThenMac: 22,
  preSharedKey: 41,
  earlyData: 42,
  supportedVersions: 43,
} as const;

const EMPTY = Buffer.alloc(0);
const MESSAGE_HEADER = 4;
/** Limit for messages read whole. Client hellos with post-quantum keys and long tickets are below 8 KiB. */
const MAX_READ = 64 << 10;
/** The random of a hello retry request: SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3). */
const RETRY_RANDOM = Buffer.from("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c", "hex");

export interface ClientHelloParts {
  readonly random: Buffer;
  readonly offersEarlyData: boolean;
}

export interface ServerHelloParts {
  readonly kind: "hello" | "retry";
  readonly random: Buffer;
  /** As on the wire: 0x0303 is TLS 1.2. */
  readonly version: number;
  readonly cipherSuite: number;
  readonly compression: number;
  readonly encryptThenMac: boolean;
  /** TLS 1.3: the session uses a pre-shared key. */
  readonly hasPreSharedKey: boolean;
  /** TLS 1.2 only; TLS 1.3 has it in the encrypted extensions. */
  readonly protocol: string | undefined;
}

export interface EncryptedExtensionsParts {
  readonly protocol: string | undefined;
  readonly acceptsEarlyData: boolean;
}

/**
 * Reassembles handshake messages, which can be fragmented across records. Bodies that are not needed are not buffered.
 */
export class HandshakeJoiner {
  private readonly isRead: (type: number) => boolean;
  private header: number[] = [];
  private type = 0;
  /** Bytes of the message still to come. */
  private left = 0;
  private body: Buffer | undefined;
  private ahead: Buffer | undefined;

  /** `isRead` selects the types whose body is needed. */
  constructor(isRead: (type: number) => boolean) {
    this.isRead = isRead;
  }

  /** Type of the incomplete message. */
  get openType(): number | undefined {
    return this.header.length === MESSAGE_HEADER ? this.type : undefined;
  }

  /** `next` must have returned undefined before. */
  feed(fragment: Buffer): void {
    this.ahead = fragment;
  }

  /** Input that `next` has not consumed. */
  rest(): Buffer {
    const rest = this.ahead ?? EMPTY;
    this.ahead = undefined;
    return rest;
  }

  /** The next complete message, with its body if its type is selected; undefined when more input is needed. */
  next(): { readonly type: number; readonly body: Buffer | undefined } | undefined {
    let ahead = this.ahead;
    if (ahead === undefined) return undefined;
    let at = 0;
    while (this.header.length < MESSAGE_HEADER && at < ahead.length) {
      this.header.push(ahead[at++]!);
      if (this.header.length === MESSAGE_HEADER) this.begin();
    }
    const end = Math.min(ahead.length, at + this.left);
    if (this.body !== undefined) ahead.copy(this.body, this.body.length - this.left, at, end);
    this.left -= end - at;
    ahead = ahead.subarray(end);
    this.ahead = ahead.length > 0 ? ahead : undefined;
    if (this.header.length < MESSAGE_HEADER || this.left > 0) return undefined;
    const body = this.body;
    this.header = [];
    this.body = undefined;
    return { type: this.type, body };
  }

  private begin(): void {
    const [type, high, middle, low] = this.header as [number, number, number, number];
    this.type = type;
    this.left = (high << 16) | (middle << 8) | low;
    if (!this.isRead(type)) return;
    if (this.left > MAX_READ) throw new ProtocolError("malformed_handshake");
    this.body = Buffer.allocUnsafe(this.left);
  }
}

/** RFC 8446 §4.1.2. */
export function readClientHello(body: Buffer): ClientHelloParts {
  const cursor = new Cursor(body);
  cursor.u16();
  const random = Buffer.from(cursor.take(32));
  cursor.vector8();
  cursor.vector16();
  cursor.vector8();
  return { random, offersEarlyData: readExtensions(cursor).has(EXTENSION.earlyData) };
}

/** RFC 8446 §4.1.3, RFC 5246 §7.4.1.3. */
export function readServerHello(body: Buffer): ServerHelloParts {
  const cursor = new Cursor(body);
  const legacyVersion = cursor.u16();
  const random = Buffer.from(cursor.take(32));
  cursor.vector8();
  const cipherSuite = cursor.u16();
  const compression = cursor.u8();
  const extensions = readExtensions(cursor);
  const version = extensions.get(EXTENSION.supportedVersions);
  return {
    kind: random.equals(RETRY_RANDOM) ? "retry" : "hello",
    random,
    version: version === undefined ? legacyVersion : new Cursor(version).u16(),
    cipherSuite,
    compression,
    encryptThenMac: extensions.has(EXTENSION.encryptThenMac),
    hasPreSharedKey: extensions.has(EXTENSION.preSharedKey),
    protocol: readProtocol(extensions),
  };
}

/** RFC 8446 §4.3.1. */
export function readEncryptedExtensions(body: Buffer): EncryptedExtensionsParts {
  const extensions = readExtensions(new Cursor(body));
  return { protocol: readProtocol(extensions), acceptsEarlyData: extensions.has(EXTENSION.earlyData) };
}

/** A TLS 1.2 hello may omit the extensions altogether. */
function readExtensions(cursor: Cursor): ReadonlyMap<number, Buffer> {
  const extensions = new Map<number, Buffer>();
  if (cursor.left === 0) return extensions;
  const list = new Cursor(cursor.vector16());
  while (list.left > 0) extensions.set(list.u16(), list.vector16());
  return extensions;
}

/** A server selects one protocol (RFC 7301 §3.1). */
function readProtocol(extensions: ReadonlyMap<number, Buffer>): string | undefined {
  const alpn = extensions.get(EXTENSION.alpn);
  return alpn && new Cursor(new Cursor(alpn).vector16()).vector8().toString("latin1");
}
