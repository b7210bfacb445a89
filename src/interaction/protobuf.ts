import { decodeText } from "./media-type.js";

/** Limit of nesting; deeper messages are left as bytes. */
const MAX_DEPTH = 16;
/** Limit of fields per message. */
const MAX_FIELDS = 10_000;

/** Maps a field number to its value, or to the list of values when it is repeated. */
export type ProtobufMessage = { [field: string]: unknown };

/**
 * Parses a protobuf message without its schema (protobuf.dev/programming-guides/encoding): numbers as encoded, bytes as
 * text if they are text, as a nested message if they are exactly one, else as their length. `undefined` when the bytes
 * are not a message.
 */
export function readProtobuf(bytes: Buffer, depth = 0): ProtobufMessage | undefined {
  const message: ProtobufMessage = {};
  const reader = new WireReader(bytes);
  for (let count = 0; !reader.atEnd; count++) {
    const tag = reader.varint();
    if (tag === undefined || count >= MAX_FIELDS) return undefined;
    const field = Number(tag >> 3n);
    const value = readValue(reader, Number(tag & 7n), depth);
    if (field === 0 || value === undefined) return undefined;
    const known = message[field];
    message[field] = known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value];
  }
  return message;
}

function readValue(reader: WireReader, wireType: number, depth: number): unknown {
  switch (wireType) {
    case 0:
      return numberOrText(reader.varint());
    case 1:
      return reader.take(8)?.readDoubleLE(0);
    case 2: {
      const length = reader.varint();
      const bytes = length === undefined ? undefined : reader.take(Number(length));
      return bytes && readBytes(bytes, depth);
    }
    case 5:
      return reader.take(4)?.readFloatLE(0);
    default:
      return undefined; // groups have been deprecated since 2008
  }
}

/** Text first: messages that are also valid text are rare, text that is also a valid message is not. */
function readBytes(bytes: Buffer, depth: number): unknown {
  const text = decodeText(bytes, undefined, "strict");
  const whole = text !== undefined && Buffer.byteLength(text) === bytes.length;
  if (whole && !/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text)) return text;
  const nested = depth < MAX_DEPTH ? readProtobuf(bytes, depth + 1) : undefined;
  return nested ?? (whole ? text : { size: bytes.length });
}

function numberOrText(value: bigint | undefined): number | string | undefined {
  if (value === undefined) return undefined;
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}

class WireReader {
  private at = 0;
  constructor(private readonly bytes: Buffer) {}

  get atEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  varint(): bigint | undefined {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return undefined;
  }

  take(length: number): Buffer | undefined {
    if (length > this.bytes.length - this.at) return undefined;
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}
