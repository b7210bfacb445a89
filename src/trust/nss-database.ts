/**
 * Whether an NSS database (cert9.db, an SQLite file) trusts a certificate for TLS servers. Parsed directly, without
 * SQLite or certutil: the file is a user's, and the answer is needed while a connection waits.
 * https://www.sqlite.org/fileformat2.html; lib/softoken/sdb.c and lib/util/pkcs11n.h of NSS.
 */

import { createHash } from "node:crypto";

const MAGIC = "SQLite format 3\0";
const TABLE_LEAF = 0x0d;
const MAX_PAGES = 1 << 16;

/** CKT_NSS_TRUSTED and CKT_NSS_TRUSTED_DELEGATOR, as NSS stores numbers: four bytes, big endian. */
const TRUSTED = [Buffer.from("ce534351", "hex"), Buffer.from("ce534352", "hex")];

/** @returns undefined when unknown, such as for a row that exceeds its page */
export function nssTrusts(database: Buffer, der: Buffer): boolean | undefined {
  if (!database.includes(der)) return isDatabase(database) ? false : undefined;
  const cells = liveCells(database);
  if (cells === undefined) return undefined;
  // Deleted rows stay in the file until the space is reused: only rows that a page points to count.
  if (!cells.some((cell) => cell.includes(der))) return hasOverflow(cells) ? undefined : false;
  const sha1 = createHash("sha1").update(der).digest();
  const trust = cells.filter((cell) => cell.includes(sha1) && !cell.includes(der));
  if (trust.length === 0) return undefined;
  return trust.some((cell) => TRUSTED.some((value) => cell.includes(value)));
}

function isDatabase(bytes: Buffer): boolean {
  return bytes.toString("latin1", 0, MAGIC.length) === MAGIC;
}

interface Cell {
  includes(bytes: Buffer): boolean;
  readonly isWhole: boolean;
}

const hasOverflow = (cells: readonly Cell[]) => cells.some(({ isWhole }) => !isWhole);

/** The rows of all tables, as stored in the pages in use. */
function liveCells(file: Buffer): Cell[] | undefined {
  if (!isDatabase(file) || file.length < 100) return undefined;
  const stored = file.readUInt16BE(16);
  const pageSize = stored === 1 ? 65_536 : stored;
  const pages = Math.floor(file.length / pageSize);
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0 || pages > MAX_PAGES) return undefined;
  const free = freePages(file, pageSize, pages);
  const cells: Cell[] = [];
  for (let number = 1; number <= pages; number++) {
    const page = file.subarray((number - 1) * pageSize, number * pageSize);
    const header = number === 1 ? 100 : 0;
    if (page[header] !== TABLE_LEAF || free.has(number)) continue;
    const count = page.readUInt16BE(header + 3);
    const starts = header + 8;
    if (starts + 2 * count > pageSize) continue;
    for (let index = 0; index < count; index++) {
      const start = page.readUInt16BE(starts + 2 * index);
      const size = start < pageSize ? varint(page, start) : undefined;
      if (size === undefined) continue;
      const key = varint(page, size.end);
      if (key === undefined) continue;
      const end = key.end + size.value;
      const bytes = page.subarray(key.end, Math.min(end, pageSize));
      // A row that does not fit ends in a page number; its rest is elsewhere.
      cells.push({ includes: (wanted) => bytes.includes(wanted), isWhole: size.value <= pageSize - 35 });
    }
  }
  return cells;
}

/** The list of unused pages: trunks, each with the next trunk and the leaves it lists. */
function freePages(file: Buffer, pageSize: number, pages: number): ReadonlySet<number> {
  const free = new Set<number>();
  let trunk = file.readUInt32BE(32);
  while (trunk > 0 && trunk <= pages && !free.has(trunk)) {
    free.add(trunk);
    const at = (trunk - 1) * pageSize;
    const count = Math.min(file.readUInt32BE(at + 4), pageSize / 4 - 2);
    for (let index = 0; index < count; index++) free.add(file.readUInt32BE(at + 8 + 4 * index));
    trunk = file.readUInt32BE(at);
  }
  return free;
}

/** At most nine bytes; more than four cannot be a size here. */
function varint(bytes: Buffer, start: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let index = 0; index < 9 && start + index < bytes.length; index++) {
    const byte = bytes[start + index]!;
    value = index < 5 ? value * 128 + (byte & 127) : value;
    if (byte < 128) return { value, end: start + index + 1 };
  }
  return undefined;
}
