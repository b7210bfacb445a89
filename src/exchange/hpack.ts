import type { Fields } from "./exchange.js";
import { ProtocolError } from "./guard.js";
import { decodeHuffman } from "./hpack-huffman.js";
import { STATIC_TABLE } from "./hpack-static-table.js";

type Field = Fields[number];

const DEFAULT_TABLE_SIZE = 4096;
/** Upper limit, whatever the peers negotiate: browsers and servers use 4 to 64 KiB. */
const MAX_TABLE_SIZE = 1 << 20;
/** Size of an entry in addition to its text (RFC 7541 §4.1). */
const ENTRY_OVERHEAD = 32;

/** Decodes the field blocks of one direction of an HTTP/2 connection (RFC 7541), in order. */
export class HpackDecoder {
  private readonly maxList: number;
  /** Newest last. */
  private readonly table: Field[] = [];
  private tableSize = 0;
  private capacity = DEFAULT_TABLE_SIZE;
  private allowed = DEFAULT_TABLE_SIZE;
  private block: Buffer = Buffer.alloc(0);
  private at = 0;

  /** `maxList` limits the decoded size of one block (RFC 9113 §10.5.1): a few bytes can expand to many. */
  constructor(maxList: number) {
    this.maxList = maxList;
  }

  /** The receiver announced SETTINGS_HEADER_TABLE_SIZE; the sender signals in-band how much of it is used. */
  allowTableSize(size: number): void {
    // Never lowered here: the copy does not show when the sender learns of a lower value.
    this.allowed = Math.max(this.allowed, Math.min(size, MAX_TABLE_SIZE));
  }

  decode(block: Buffer): Fields {
    this.block = block;
    this.at = 0;
    const fields: Field[] = [];
    let size = 0;
    while (this.at < block.length) {
      const first = block[this.at]!;
      if ((first & 0xe0) === 0x20) {
        if (fields.length > 0) throw new ProtocolError("hpack_late_size_update");
        this.resize(this.integer(5));
        continue;
      }
      const field = this.field(first);
      size += sizeOf(field);
      if (size > this.maxList) throw new ProtocolError("hpack_list_too_large");
      fields.push(field);
    }
    return fields;
  }

  private field(first: number): Field {
    if (first & 0x80) return this.entry(this.integer(7));
    if (first & 0x40) return this.insert(this.literal(6));
    // Without indexing, or never indexed: no difference for a reader.
    return this.literal(4);
  }

  private literal(prefix: number): Field {
    const index = this.integer(prefix);
    const name = index === 0 ? this.string() : this.entry(index)[0];
    return [name, this.string()];
  }

  private entry(index: number): Field {
    const entry =
      index <= STATIC_TABLE.length
        ? STATIC_TABLE[index - 1]
        : this.table[this.table.length - (index - STATIC_TABLE.length)];
    if (entry === undefined) throw new ProtocolError("hpack_bad_index");
    return entry;
  }

  private insert(field: Field): Field {
    this.tableSize += sizeOf(field);
    this.table.push(field);
    this.evict();
    return field;
  }

  private resize(capacity: number): void {
    if (capacity > this.allowed) throw new ProtocolError("hpack_table_too_large");
    this.capacity = capacity;
    this.evict();
  }

  private evict(): void {
    while (this.tableSize > this.capacity) this.tableSize -= sizeOf(this.table.shift()!);
  }

  /** RFC 7541 §5.1; values beyond 2^28 are rejected, no legitimate block comes near. */
  private integer(prefix: number): number {
    const mask = (1 << prefix) - 1;
    let value = this.byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return value;
    }
    throw new ProtocolError("hpack_bad_integer");
  }

  private string(): string {
    const isHuffman = (this.block[this.at] ?? 0) & 0x80;
    const length = this.integer(7);
    const start = this.at;
    const end = start + length;
    if (end > this.block.length) throw new ProtocolError("hpack_cut_short");
    this.at = end;
    if (isHuffman) return decodeHuffman(this.block, start, end);
    return this.block.toString("latin1", start, end);
  }

  private byte(): number {
    const byte = this.block[this.at++];
    if (byte === undefined) throw new ProtocolError("hpack_cut_short");
    return byte;
  }
}

function sizeOf(field: Field): number {
  return field[0].length + field[1].length + ENTRY_OVERHEAD;
}
