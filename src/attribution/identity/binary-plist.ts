const MAGIC = "bplist00";
const TRAILER_BYTES = 32;
const MAX_ENTRIES = 4096;
const MAX_STRING = 1024;

export function isBinaryPlist(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, MAGIC.length) === MAGIC;
}

/**
 * The top-level strings of a binary property list, by key (format: CFBinaryPList.c of CoreFoundation).
 *
 * Objects of the format may share each other, so a few bytes can keep a reader that expands the whole tree busy
 * forever. The files belong to the inspected processes: only the top level is read, in bounded work.
 * @throws RangeError when an offset lies outside of the file.
 */
export function readTopStrings(bytes: Buffer): Map<string, string> {
  const trailer = bytes.subarray(bytes.length - TRAILER_BYTES);
  const offsetBytes = trailer.readUInt8(6);
  const referenceBytes = trailer.readUInt8(7);
  const top = Number(trailer.readBigUInt64BE(16));
  const table = Number(trailer.readBigUInt64BE(24));
  const offsetOf = (object: number) => bytes.readUIntBE(table + object * offsetBytes, offsetBytes);

  const strings = new Map<string, string>();
  const { kind, count, start } = readMarker(bytes, offsetOf(top));
  if (kind !== 0xd || count > MAX_ENTRIES) return strings;
  const reference = (place: number) => bytes.readUIntBE(start + place * referenceBytes, referenceBytes);
  for (let entry = 0; entry < count; entry++) {
    const key = readString(bytes, offsetOf(reference(entry)));
    const value = readString(bytes, offsetOf(reference(count + entry)));
    if (key !== undefined && value !== undefined) strings.set(key, value);
  }
  return strings;
}

/** An object begins with its kind and count in one byte; count 15 means that an integer with it follows. */
function readMarker(bytes: Buffer, offset: number): { kind: number; count: number; start: number } {
  const marker = bytes.readUInt8(offset);
  const kind = marker >> 4;
  const count = marker & 0x0f;
  if (count !== 0x0f) return { kind, count, start: offset + 1 };
  const width = 1 << (bytes.readUInt8(offset + 1) & 0x0f);
  return { kind, count: bytes.readUIntBE(offset + 2, width), start: offset + 2 + width };
}

/** ASCII (kind 5) or UTF-16 big endian (kind 6); undefined for anything else, and for strings too long to be a name. */
function readString(bytes: Buffer, offset: number): string | undefined {
  const { kind, count, start } = readMarker(bytes, offset);
  if (count > MAX_STRING) return undefined;
  if (kind === 0x5) return bytes.toString("latin1", start, start + count);
  if (kind !== 0x6) return undefined;
  // A copy, since swapping works in place. Throws RangeError when the string is cut in the middle of a unit.
  return Buffer.from(bytes.subarray(start, start + count * 2))
    .swap16()
    .toString("utf16le");
}
