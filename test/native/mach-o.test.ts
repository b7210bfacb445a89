/** What is read from a library for macOS before it is packed (<mach-o/loader.h>). */

import { expect, test } from "vitest";
// @ts-expect-error a script without types
import { checkBinary as check } from "../../scripts/check-binary.mjs";
// @ts-expect-error a script without types
import { libraryFacts as factsOf } from "../../scripts/mach-o.mjs";

interface LibraryFacts {
  readonly processor: string | undefined;
  readonly oldestMac: number | undefined;
  readonly name: string;
  readonly libraries: readonly string[];
}
const libraryFacts = factsOf as (file: Buffer) => LibraryFacts;
const checkBinary = check as (system: string, file: string, bytes: Buffer) => unknown;

const ARM64 = 0x0100000c;
const LIB_SYSTEM = "/usr/lib/libSystem.B.dylib";
const NAME = "@rpath/oximy_native.node";

interface Library {
  readonly processor?: number;
  readonly platform?: number;
  /** 0x000c0000 is 12.0. */
  readonly oldest?: number;
  readonly name?: string;
  readonly libraries?: readonly string[];
}

/** A load command: its type and length, then what it is made of. */
function command(type: number, words: readonly number[], text = ""): Buffer {
  const length = (8 + words.length * 4 + text.length + 8) & ~7;
  const bytes = Buffer.alloc(length);
  [type, length, ...words].forEach((word, index) => void bytes.writeUInt32LE(word, index * 4));
  bytes.write(text, 8 + words.length * 4, "latin1");
  return bytes;
}

/** LC_ID_DYLIB and LC_LOAD_DYLIB: where the name begins, and three versions. */
const named = (type: number, name: string) => command(type, [24, 2, 0x10000, 0x10000], name);

function library({ processor = ARM64, platform = 1, oldest = 0xb_0700, ...more }: Library = {}): Buffer {
  const { name = NAME, libraries = [LIB_SYSTEM] } = more;
  const commands = [
    named(0xd, name),
    command(0x32, [platform, oldest, oldest, 0]),
    ...libraries.map((each) => named(0xc, each)),
  ];
  const header = Buffer.alloc(32);
  [0xfeedfacf, processor, 0, 6, commands.length].forEach((word, i) => void header.writeUInt32LE(word, i * 4));
  return Buffer.concat([header, ...commands]);
}

test("a library tells for which processor and macOS it is, its name, and what it is linked to", () => {
  expect(libraryFacts(library())).toEqual({
    processor: "arm64",
    oldestMac: 11.07,
    name: NAME,
    libraries: [LIB_SYSTEM],
  });
});

test.each<[string, Library, RegExp]>([
  ["another processor", { processor: 0x01000007 }, /for another processor/],
  ["newer macOS only", { oldest: 0xd_0000 }, /not for macOS 12, but 13/],
  ["a telephone", { platform: 2 }, /not for macOS 12/],
  [
    "Macs that have more",
    { libraries: [LIB_SYSTEM, "/opt/homebrew/lib/libuv.dylib"] },
    /needs \/opt\/homebrew/,
  ],
  ["the machine that built it", { name: "/home/ana/oximy/x.node" }, /the name of a place: \/home\/ana/],
])("a library for %s is not packed", (_, wrong, complaint) => {
  expect(() => checkBinary("darwin-arm64", "oximy_native.node", library(wrong))).toThrow(complaint);
});
