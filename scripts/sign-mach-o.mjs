/**
 * Signs a Mach-O library ad hoc, as Apple's linker does (<mach-o/loader.h>, XNU's <kern/cs_blobs.h>, and the layout that
 * ld64's "code signature" section documents in its source): a code directory with the hash of each page, nothing else.
 */
import { createHash } from "node:crypto";
import { ADHOC, CODE_DIRECTORY, LC_CODE_SIGNATURE, SHA256, SUPERBLOB } from "./code-signature.mjs";
import { loadCommands } from "./mach-o.mjs";

const LC_SEGMENT_64 = 0x19;
const HEADER_SIZE = 32;
const COMMAND_SIZE = 16;
const SEGMENT_SIZE = 72;
const SECTION_SIZE = 80;
/** The version with the place of executable code, which is what the linker writes. */
const VERSION = 0x20400;
const HASH_SIZE = 32;
const PAGE_BITS = 12;
const PAGE = 2 ** PAGE_BITS;
const FIELDS_SIZE = 88;
const SUPERBLOB_SIZE = 20;
/** Segments are whole pages of either processor. */
const SEGMENT_ALIGNMENT = 0x4000;

const alignedTo = (size, alignment) => Math.ceil(size / alignment) * alignment;

function segments(file) {
  return [...loadCommands(file)]
    .filter(({ type }) => type === LC_SEGMENT_64)
    .map(({ at }) => ({
      at,
      name: file.toString("latin1", at + 8, at + 24).replace(/\0.*$/s, ""),
      offset: Number(file.readBigUInt64LE(at + 40)),
      size: Number(file.readBigUInt64LE(at + 48)),
      sections: Array.from({ length: file.readUInt32LE(at + 64) }, (_, index) =>
        file.readUInt32LE(at + SEGMENT_SIZE + index * SECTION_SIZE + 48),
      ),
    }));
}

function segment(file, wanted) {
  const found = segments(file).find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`no segment ${wanted}`);
  return found;
}

/** Puts the load command behind the others, where the linker has left room, and the segment's new end into its own. */
function announce(file, offset, size) {
  const end = HEADER_SIZE + file.readUInt32LE(20);
  const first = Math.min(...segments(file).flatMap(({ sections }) => sections.filter((at) => at > 0)));
  if (end + COMMAND_SIZE > first) throw new Error("no room for one more load command");
  [LC_CODE_SIGNATURE, COMMAND_SIZE, offset, size].forEach(
    (value, index) => void file.writeUInt32LE(value, end + index * 4),
  );
  file.writeUInt32LE(file.readUInt32LE(16) + 1, 16);
  file.writeUInt32LE(file.readUInt32LE(20) + COMMAND_SIZE, 20);
  const linkEdit = segment(file, "__LINKEDIT");
  const length = offset + size - linkEdit.offset;
  file.writeBigUInt64LE(BigInt(alignedTo(length, SEGMENT_ALIGNMENT)), linkEdit.at + 32);
  file.writeBigUInt64LE(BigInt(length), linkEdit.at + 48);
}

function codeDirectory(code, identifier) {
  const pages = Math.ceil(code.length / PAGE);
  const hashes = FIELDS_SIZE + identifier.length + 1;
  const directory = Buffer.alloc(hashes + pages * HASH_SIZE);
  const text = segment(code, "__TEXT");
  const fields = [
    CODE_DIRECTORY,
    directory.length,
    VERSION,
    ADHOC,
    hashes,
    FIELDS_SIZE,
    0,
    pages,
    code.length,
  ];
  fields.forEach((value, index) => void directory.writeUInt32BE(value, index * 4));
  directory.set([HASH_SIZE, SHA256, 0, PAGE_BITS], 36);
  directory.writeBigUInt64BE(BigInt(text.offset), 64);
  directory.writeBigUInt64BE(BigInt(text.size), 72);
  directory.write(identifier, FIELDS_SIZE, "latin1");
  for (let page = 0; page < pages; page++) {
    const bytes = code.subarray(page * PAGE, (page + 1) * PAGE);
    createHash("sha256")
      .update(bytes)
      .digest()
      .copy(directory, hashes + page * HASH_SIZE);
  }
  return directory;
}

/**
 * The library with a signature at its end.
 * @param identifier by which macOS names it, the file's name as with the linker
 * @throws Error for what is no 64-bit Mach-O file, is signed already, or has no room for the load command
 */
export function signedAdHoc(unsigned, identifier) {
  if ([...loadCommands(unsigned)].some(({ type }) => type === LC_CODE_SIGNATURE))
    throw new Error("signed already");
  const offset = alignedTo(unsigned.length, 16);
  const code = Buffer.concat([unsigned], offset);
  const directorySize = FIELDS_SIZE + identifier.length + 1 + Math.ceil(offset / PAGE) * HASH_SIZE;
  const size = SUPERBLOB_SIZE + directorySize;
  announce(code, offset, size);
  const superblob = Buffer.alloc(SUPERBLOB_SIZE);
  [SUPERBLOB, size, 1, 0, SUPERBLOB_SIZE].forEach(
    (value, index) => void superblob.writeUInt32BE(value, index * 4),
  );
  return Buffer.concat([code, superblob, codeDirectory(code, identifier)]);
}
