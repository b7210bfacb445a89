/**
 * The ad-hoc signature of a Mach-O library, checked as the kernel checks it: XNU's <kern/cs_blobs.h>, and
 * cs_validate_codedirectory of bsd/kern/ubc_subr.c. The kernel of arm64 refuses code without one; that of x64 takes it.
 */
import { createHash } from "node:crypto";
import { loadCommands } from "./mach-o.mjs";

export const LC_CODE_SIGNATURE = 0x1d;
export const SUPERBLOB = 0xfade0cc0;
export const CODE_DIRECTORY = 0xfade0c02;
export const ADHOC = 0x2;
export const SHA256 = 2;

/** Where the signature stands; undefined in a file without one. */
function place(file) {
  const found = [...loadCommands(file)].find(({ type }) => type === LC_CODE_SIGNATURE);
  return found && { offset: file.readUInt32LE(found.at + 8), size: file.readUInt32LE(found.at + 12) };
}

/** Fields are big-endian in a signature, whatever the machine. */
function codeDirectory(file, { offset, size }) {
  const blob = file.subarray(offset, offset + size);
  if (blob.length < 12 || blob.readUInt32BE(0) !== SUPERBLOB)
    throw new Error("the signature is no superblob");
  for (let entry = 0; entry < blob.readUInt32BE(8); entry++) {
    const at = blob.readUInt32BE(12 + entry * 8 + 4);
    if (blob.readUInt32BE(at) === CODE_DIRECTORY) return blob.subarray(at, at + blob.readUInt32BE(at + 4));
  }
  throw new Error("the signature has no code directory");
}

/**
 * `none`, or `adhoc` when every page has the hash that the signature gives for it.
 * @throws Error for a signature that the kernel would not take
 */
export function codeSignature(file) {
  const found = place(file);
  if (!found) return "none";
  const directory = codeDirectory(file, found);
  const [flags, hashes] = [directory.readUInt32BE(12), directory.readUInt32BE(16)];
  const [count, limit] = [directory.readUInt32BE(28), directory.readUInt32BE(32)];
  const [hashSize, hashType, pageBits] = [directory[36], directory[37], directory[39]];
  if ((flags & ADHOC) === 0) throw new Error("the signature is not ad hoc, and nobody's");
  if (hashType !== SHA256 || hashSize !== 32) throw new Error(`the signature has hashes of type ${hashType}`);
  if (found.offset + found.size !== file.length) throw new Error("the signature is not the end of the file");
  // The pages of arm64 have 16 KiB; hashes of smaller ones are taken, too.
  if (pageBits < 12 || pageBits > 14) throw new Error(`the signature has pages of 2^${pageBits} bytes`);
  const [identifier, special] = [directory.readUInt32BE(20), directory.readUInt32BE(24)];
  if (identifier >= directory.length || directory.indexOf(0, identifier) <= identifier)
    throw new Error("the signature has no identifier");
  if (special * hashSize > hashes || hashes + count * hashSize > directory.length)
    throw new Error("the signature has less hashes than it says");
  if (limit !== found.offset) throw new Error("the signature does not cover all that stands before it");
  const page = 2 ** pageBits;
  if (count !== Math.ceil(limit / page)) throw new Error("the signature has not a hash for each page");
  for (let index = 0; index < count; index++) {
    const bytes = file.subarray(index * page, Math.min((index + 1) * page, limit));
    const hash = directory.subarray(hashes + index * hashSize, hashes + (index + 1) * hashSize);
    if (!createHash("sha256").update(bytes).digest().equals(hash))
      throw new Error(`page ${index} was changed after signing`);
  }
  return "adhoc";
}
