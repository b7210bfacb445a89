/** The sections of an ELF file (elf(5)), read in three small parts. The file is untrusted. */

export interface Section {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** Reads a part of the file; shorter at its end, null on failure. */
export type ReadPart = (offset: number, length: number) => Promise<Buffer | null>;

const HEADER = 64;
const SECTION_HEADER = 64;
const MAX_SECTIONS = 1024;
const MAX_NAMES = 64 << 10;

/** Empty for anything but a 64-bit little-endian ELF file with sections. */
export async function readSections(read: ReadPart): Promise<Section[]> {
  const header = await read(0, HEADER);
  // EI_CLASS 2: 64 bits, EI_DATA 1: little endian.
  if (header === null || header.length < HEADER || header.readUInt32BE(0) !== 0x7f454c46) return [];
  if (header[4] !== 2 || header[5] !== 1) return [];
  const table = safe(header.readBigUInt64LE(40));
  const entrySize = header.readUInt16LE(58);
  const count = header.readUInt16LE(60);
  const namesIndex = header.readUInt16LE(62);
  if (table === undefined || entrySize !== SECTION_HEADER || count > MAX_SECTIONS || namesIndex >= count)
    return [];
  const entries = await read(table, count * SECTION_HEADER);
  if (entries === null || entries.length < count * SECTION_HEADER) return [];
  const places = Array.from({ length: count }, (_, index) => {
    const at = index * SECTION_HEADER;
    const offset = safe(entries.readBigUInt64LE(at + 24));
    const size = safe(entries.readBigUInt64LE(at + 32));
    return {
      name: entries.readUInt32LE(at),
      offset: offset ?? 0,
      size: offset === undefined ? 0 : (size ?? 0),
    };
  });
  const { offset, size } = places[namesIndex]!;
  const names = await read(offset, Math.min(size, MAX_NAMES));
  if (names === null) return [];
  return places.flatMap((place) => {
    const end = names.indexOf(0, place.name);
    return end <= place.name ? [] : [{ ...place, name: names.toString("latin1", place.name, end) }];
  });
}

function safe(value: bigint): number | undefined {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}
