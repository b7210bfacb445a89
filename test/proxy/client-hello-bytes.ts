/** Client hellos written by hand (RFC 8446 §4.1.2). */

const u16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);

export const vector8 = (bytes: Buffer) => Buffer.concat([Buffer.from([bytes.length]), bytes]);
export const vector16 = (bytes: Buffer) => Buffer.concat([u16(bytes.length), bytes]);

export const extension = (id: number, data: Buffer) => Buffer.concat([u16(id), vector16(data)]);

/** The server_name extension (RFC 6066 §3). */
export const sni = (name: string) =>
  extension(0, vector16(Buffer.concat([Buffer.from([0]), vector16(Buffer.from(name, "latin1"))])));

export interface HelloParts {
  readonly version?: number;
  readonly sessionId?: Buffer;
  readonly cipherSuites?: readonly number[];
  /** Absent: no list of extensions at all. */
  readonly extensions?: readonly Buffer[] | undefined;
}

/** A hello in one record. */
export function helloMessage(parts: HelloParts): Buffer {
  const body = Buffer.concat([
    u16(parts.version ?? 0x0303),
    Buffer.alloc(32, 7),
    vector8(parts.sessionId ?? Buffer.alloc(0)),
    vector16(Buffer.concat((parts.cipherSuites ?? [0x1301]).map(u16))),
    vector8(Buffer.from([0])),
    ...(parts.extensions ? [vector16(Buffer.concat(parts.extensions))] : []),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const message = Buffer.concat([Buffer.from([1]), length.subarray(1), body]);
  return Buffer.concat([Buffer.from([22, 3, 1]), vector16(message)]);
}
