/**
 * Reads a TLS client hello from peeked bytes (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301), without consuming them.
 *
 * Own code rather than a stream-based library: the verdict needs an answer from whatever bytes have been
 * peeked so far, synchronously, and a hello may be spread over several TLS records (RFC 8446 §5.1).
 */

export interface ClientHello {
  /** Host name from the SNI extension, lower-cased, without trailing dot; absent when there is none. */
  readonly serverName?: string;
  /** Identifies this session in the key log of the client's TLS stack. 32 bytes. */
  readonly random: Uint8Array;
  /** ALPN protocols in the client's order; empty when there is no ALPN extension. */
  readonly alpn: readonly string[];
  /** TLS versions offered (0x0303 is TLS 1.2), best first as the client sent them, without GREASE. */
  readonly versions: readonly number[];
  readonly cipherSuites: readonly number[];
  readonly groups: readonly number[];
  readonly signatureAlgorithms: readonly number[];
  /** Types of all extensions, in the client's order, without GREASE. */
  readonly extensions: readonly number[];
  /** The client presents a session of an earlier connection: a ticket, a pre-shared key or a session id. */
  readonly resumes: boolean;
}

export type HelloRead =
  | { readonly kind: "hello"; readonly hello: ClientHello }
  /** A client hello so far; more bytes are needed. */
  | { readonly kind: "incomplete" }
  | { readonly kind: "not_tls" }
  | { readonly kind: "malformed"; readonly reason: string };

/** Hellos above this are passed through unread. Real ones with post-quantum key shares are below 2 KiB. */
export const MAX_HELLO = 16 << 10;

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const EXTENSION = {
  serverName: 0,
  groups: 10,
  signatureAlgorithms: 13,
  alpn: 16,
  sessionTicket: 35,
  preSharedKey: 41,
  supportedVersions: 43,
} as const;

/** GREASE values (RFC 8701): 0x0a0a, 0x1a1a, … */
const isGrease = (value: number) => (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);

class Malformed extends Error {}

/** A cursor over bytes that throws `Malformed` beyond their end. */
class Cursor {
  private offset = 0;
  constructor(private readonly bytes: Buffer) {}

  get left(): number {
    return this.bytes.length - this.offset;
  }
  take(length: number): Buffer {
    if (length > this.left) throw new Malformed("field runs past its end");
    this.offset += length;
    return this.bytes.subarray(this.offset - length, this.offset);
  }
  u8(): number {
    return this.take(1).readUInt8();
  }
  u16(): number {
    return this.take(2).readUInt16BE();
  }
  vector8(): Cursor {
    return new Cursor(this.take(this.u8()));
  }
  vector16(): Cursor {
    return new Cursor(this.take(this.u16()));
  }
  numbers16(): number[] {
    const values: number[] = [];
    while (this.left > 0) values.push(this.u16());
    return values.filter((value) => !isGrease(value));
  }
  text(): string {
    return this.take(this.left).toString("latin1");
  }
}

/**
 * Joins the handshake message from its records. Called again with each packet: fragments are not joined before all
 * have arrived, or a hello in thousands of tiny records would take seconds.
 */
function handshakeMessage(bytes: Buffer): Buffer | "incomplete" | "not_tls" {
  const fragments: Buffer[] = [];
  let have = 0;
  let wanted: number | undefined;
  for (let offset = 0; ; ) {
    if (bytes.length - offset >= 1 && bytes[offset] !== HANDSHAKE_RECORD) return "not_tls";
    if (bytes.length - offset >= 2 && bytes[offset + 1] !== 3) return "not_tls";
    if (bytes.length - offset < 5) return "incomplete";
    const length = bytes.readUInt16BE(offset + 3);
    if (length === 0 || length > MAX_HELLO) return "not_tls";
    const fragment = bytes.subarray(offset + 5, offset + 5 + length);
    if (have === 0 && fragment.length > 0 && fragment[0] !== CLIENT_HELLO) return "not_tls";
    fragments.push(fragment);
    have += fragment.length;
    if (wanted === undefined && have >= 4) {
      wanted = 4 + Buffer.concat(fragments).readUIntBE(1, 3);
      if (wanted > MAX_HELLO) return "not_tls";
    }
    if (wanted !== undefined && have >= wanted) return Buffer.concat(fragments).subarray(4, wanted);
    if (fragment.length < length) return "incomplete";
    offset += 5 + length;
  }
}

function readServerName(extension: Cursor): string | undefined {
  const names = extension.vector16();
  while (names.left > 0) {
    const type = names.u8();
    const name = names.vector16().text();
    if (type !== 0) continue;
    // RFC 6066 §3 allows ASCII only, and C code would end the name at its first NUL.
    if (!/^[!-~]*$/.test(name)) throw new Malformed("server name is not ASCII");
    return name.toLowerCase().replace(/\.$/, "") || undefined;
  }
  return undefined;
}

/** Never an empty name (RFC 7301 §3.1): Node crashes when given one to offer. */
function readAlpn(extension: Cursor): string[] {
  const names: string[] = [];
  for (const list = extension.vector16(); list.left > 0; ) {
    const name = list.vector8();
    if (name.left === 0) throw new Malformed("empty ALPN name");
    names.push(name.text());
  }
  return names.filter((name) => !(name.length === 2 && isGrease(Buffer.from(name, "latin1").readUInt16BE())));
}

function readHello(message: Buffer): ClientHello {
  const body = new Cursor(message);
  const legacyVersion = body.u16();
  const random = Uint8Array.from(body.take(32)); // a copy: the rest of the hello is not kept
  const sessionId = body.vector8();
  const cipherSuites = body.vector16().numbers16();
  body.vector8();
  let serverName: string | undefined;
  let alpn: string[] = [];
  let versions: number[] | undefined;
  let groups: number[] = [];
  let signatureAlgorithms: number[] = [];
  let ticket = false;
  const extensions: number[] = [];
  const list = body.left > 0 ? body.vector16() : new Cursor(Buffer.alloc(0));
  while (list.left > 0) {
    const id = list.u16();
    const data = list.vector16();
    if (!isGrease(id)) extensions.push(id);
    if (data.left === 0) continue;
    if (id === EXTENSION.serverName) serverName = readServerName(data);
    else if (id === EXTENSION.groups) groups = data.vector16().numbers16();
    else if (id === EXTENSION.signatureAlgorithms) signatureAlgorithms = data.vector16().numbers16();
    else if (id === EXTENSION.supportedVersions) versions = data.vector8().numbers16();
    else if (id === EXTENSION.alpn) alpn = readAlpn(data);
    else if (id === EXTENSION.sessionTicket || id === EXTENSION.preSharedKey) ticket = true;
  }
  return {
    ...(serverName === undefined ? {} : { serverName }),
    random,
    alpn,
    versions: versions ?? [legacyVersion],
    cipherSuites,
    groups,
    signatureAlgorithms,
    extensions,
    // In TLS 1.3 the session id is a relic, random and meaningless (RFC 8446 §4.1.2).
    resumes: ticket || (versions === undefined && sessionId.left > 0),
  };
}

/** Never throws. Give it all bytes peeked so far. */
export function readClientHello(bytes: Buffer): HelloRead {
  if (bytes.length === 0) return { kind: "incomplete" };
  const message = handshakeMessage(bytes);
  if (message === "incomplete") {
    return bytes.length >= MAX_HELLO
      ? { kind: "malformed", reason: "client hello too long" }
      : { kind: "incomplete" };
  }
  if (message === "not_tls") return { kind: "not_tls" };
  try {
    return { kind: "hello", hello: readHello(message) };
  } catch (error) {
    if (error instanceof Malformed) return { kind: "malformed", reason: error.message };
    throw error;
  }
}
