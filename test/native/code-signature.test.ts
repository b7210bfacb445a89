import { createHash } from "node:crypto";
import { expect, test } from "vitest";
// @ts-expect-error a script without types
import { codeSignature as check } from "../../scripts/code-signature.mjs";

// @ts-expect-error a script without types
import { signedAdHoc as sign } from "../../scripts/sign-mach-o.mjs";

const signedAdHoc = sign as (file: Buffer, identifier: string) => Buffer;
const codeSignature = check as (file: Buffer) => string;

const PAGE = 4096;
const CODE = 3 * PAGE + 100;

interface Signature {
  readonly flags?: number;
  readonly hashType?: number;
  readonly limit?: number;
  readonly pageBits?: number;
  readonly identifier?: string;
  readonly special?: number;
}

/** The fields of a code directory of version 0x20400, of which the last tell where executable code is. */
const FIELDS = 88;
const HASHES = 96;

/** A library of 64 bits that holds nothing but a signature of its own bytes (<mach-o/loader.h>, <kern/cs_blobs.h>). */
function library(signature: Signature = {}): Buffer {
  const {
    flags = 0x2,
    hashType = 2,
    limit = CODE,
    pageBits = 12,
    identifier = "oximy",
    special = 0,
  } = signature;
  const code = Buffer.alloc(CODE, "code");
  code.writeUInt32LE(0xfeedfacf, 0);
  code.writeUInt32LE(1, 16); // one load command
  const pages = Math.ceil(CODE / PAGE);
  const directory = Buffer.alloc(HASHES + pages * 32);
  const size = 20 + directory.length;
  code.writeUInt32LE(0x1d, 32); // LC_CODE_SIGNATURE
  code.writeUInt32LE(16, 36);
  code.writeUInt32LE(CODE, 40);
  code.writeUInt32LE(size, 44);
  const fields = [0xfade0c02, directory.length, 0x20400, flags, HASHES, FIELDS, special, pages, limit];
  fields.forEach((value, index) => void directory.writeUInt32BE(value, index * 4));
  directory.set([32, hashType, 0, pageBits], 36);
  directory.write(identifier, FIELDS);
  for (let page = 0; page < pages; page++) {
    const bytes = code.subarray(page * PAGE, (page + 1) * PAGE);
    createHash("sha256")
      .update(bytes)
      .digest()
      .copy(directory, HASHES + page * 32);
  }
  const superblob = Buffer.alloc(20);
  [0xfade0cc0, size, 1, 0, 20].forEach((value, index) => void superblob.writeUInt32BE(value, index * 4));
  return Buffer.concat([code, superblob, directory]);
}

test("an ad-hoc signature that fits is one", () => {
  expect(codeSignature(library())).toBe("adhoc");
});

test("a library without a signature has none", () => {
  const unsigned = library();
  unsigned.writeUInt32LE(0x1e, 32);
  expect(codeSignature(unsigned)).toBe("none");
});

test.each([
  ["the first", 2_000],
  ["the last", CODE - 1],
])("%s page may not be changed after signing", (_, at) => {
  const changed = library();
  changed[at]! ^= 1;
  expect(() => codeSignature(changed)).toThrow(/was changed after signing/);
});

test.each([
  ["that claims somebody's identity", { flags: 0 }, /not ad hoc/],
  ["with old hashes", { hashType: 1 }, /hashes of type 1/],
  ["that leaves bytes out", { limit: CODE - PAGE }, /does not cover/],
  ["of pages that no kernel has", { pageBits: 15 }, /pages of 2\^15/],
  ["without an identifier", { identifier: "" }, /no identifier/],
  ["with more hashes than it holds", { special: 4 }, /less hashes/],
])("a signature %s is refused", (_, wrong, complaint) => {
  expect(() => codeSignature(library(wrong))).toThrow(complaint);
});

test("nothing stands behind a signature", () => {
  const longer = Buffer.concat([library(), Buffer.alloc(16)]);
  expect(() => codeSignature(longer)).toThrow(/not the end/);
});

test("what is no library is refused", () => {
  expect(() => codeSignature(Buffer.from("#!/bin/sh\nexit 0 # not a library at all"))).toThrow(
    /not a 64-bit/,
  );
});

/** A library with one section, and room for a load command before it (<mach-o/loader.h>). */
function unsignedLibrary(room = 16): Buffer {
  const segment = (name: string, offset: number, size: number, sections: readonly number[]) => {
    const command = Buffer.alloc(72 + sections.length * 80);
    command.writeUInt32LE(0x19, 0); // LC_SEGMENT_64
    command.writeUInt32LE(command.length, 4);
    command.write(name, 8);
    command.writeBigUInt64LE(BigInt(offset), 40);
    command.writeBigUInt64LE(BigInt(size), 48);
    command.writeUInt32LE(sections.length, 64);
    sections.forEach((at, index) => void command.writeUInt32LE(at, 72 + index * 80 + 48));
    return command;
  };
  const size = 72 + 80 + 72;
  const first = 32 + size + room;
  const commands = [segment("__TEXT", 0, CODE - 500, [first]), segment("__LINKEDIT", CODE - 500, 493, [])];
  const file = Buffer.alloc(CODE - 7, "code");
  file.writeUInt32LE(0xfeedfacf, 0);
  file.writeUInt32LE(commands.length, 16);
  file.writeUInt32LE(size, 20);
  Buffer.concat(commands).copy(file, 32);
  return file;
}

test("a library that was signed here has a signature that fits, and a segment that holds it", () => {
  const signed = signedAdHoc(unsignedLibrary(), "oximy_native.node");
  expect(codeSignature(signed)).toBe("adhoc");
  const linkEdit = 32 + 72 + 80;
  const [vmsize, offset, size] = [32, 40, 48].map((at) => Number(signed.readBigUInt64LE(linkEdit + at)));
  expect(offset! + size!).toBe(signed.length);
  expect(vmsize! % 0x4000).toBe(0);
  expect(vmsize).toBeGreaterThanOrEqual(size!);
  expect(signed.includes("oximy_native.node\0")).toBe(true);
});

test("a library is not signed twice, nor where there is no room for it", () => {
  const signed = signedAdHoc(unsignedLibrary(), "oximy");
  expect(() => signedAdHoc(signed, "oximy")).toThrow("signed already");
  expect(() => signedAdHoc(unsignedLibrary(8), "oximy")).toThrow("no room for one more load command");
  expect(() => signedAdHoc(Buffer.from("#!/bin/sh"), "oximy")).toThrow("not a 64-bit Mach-O file");
});
