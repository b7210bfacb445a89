import { createHash } from "node:crypto";
import { expect, test } from "vitest";
// @ts-expect-error a script without types
import { codeSignature as check } from "../../scripts/code-signature.mjs";

const codeSignature = check as (file: Buffer) => string;

const PAGE = 4096;
const CODE = 3 * PAGE + 100;

interface Signature {
  readonly flags?: number;
  readonly hashType?: number;
  readonly limit?: number;
}

/** A library of 64 bits that holds nothing but a signature of its own bytes (<mach-o/loader.h>, <kern/cs_blobs.h>). */
function library({ flags = 0x2, hashType = 2, limit = CODE }: Signature = {}): Buffer {
  const code = Buffer.alloc(CODE, "code");
  code.writeUInt32LE(0xfeedfacf, 0);
  code.writeUInt32LE(1, 16); // one load command
  const pages = Math.ceil(CODE / PAGE);
  const directory = Buffer.alloc(48 + pages * 32);
  const size = 20 + directory.length;
  code.writeUInt32LE(0x1d, 32); // LC_CODE_SIGNATURE
  code.writeUInt32LE(16, 36);
  code.writeUInt32LE(CODE, 40);
  code.writeUInt32LE(size, 44);
  const fields = [0xfade0c02, directory.length, 0x20400, flags, 48, 44, 0, pages, limit];
  fields.forEach((value, index) => void directory.writeUInt32BE(value, index * 4));
  directory.set([32, hashType, 0, 12], 36);
  for (let page = 0; page < pages; page++) {
    const bytes = code.subarray(page * PAGE, (page + 1) * PAGE);
    createHash("sha256")
      .update(bytes)
      .digest()
      .copy(directory, 48 + page * 32);
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
])("a signature %s is refused", (_, wrong, complaint) => {
  expect(() => codeSignature(library(wrong))).toThrow(complaint);
});

test("what is no library is refused", () => {
  expect(() => codeSignature(Buffer.from("#!/bin/sh\nexit 0 # not a library at all"))).toThrow(
    /not a 64-bit/,
  );
});
