import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sitesAddon } from "../../src/secrets/native.js";
import { searchSites } from "../../src/secrets/sites.js";
import { temporaryFolder } from "../temporary-folder.js";
import { smallFile, withFile } from "./small-files.js";

/** Fields of Elf64_Ehdr, and of the Elf64_Phdr and Elf64_Shdr that a small file has. */
const HEADER = { phoff: 32, shoff: 40, phentsize: 54, phnum: 56, shentsize: 58, shnum: 60, shstrndx: 62 };
const PROGRAM = { offset: 8, vaddr: 16, filesz: 32, memsz: 40 };
const SECTION = { type: 4, offset: 24, size: 32, link: 40, entsize: 56 };
const HUGE = 0xffff_ffff_ffff_ffffn;

type Change = (file: Buffer) => Buffer | undefined;

const eachProgramHeader =
  (change: (file: Buffer, at: number) => void): Change =>
  (file) => {
    for (let i = 0; i < file.readUInt16LE(HEADER.phnum); i++) {
      change(file, Number(file.readBigUInt64LE(HEADER.phoff)) + 56 * i);
    }
    return file;
  };
const eachSection =
  (change: (file: Buffer, at: number) => void): Change =>
  (file) => {
    for (let i = 0; i < file.readUInt16LE(HEADER.shnum); i++) {
      change(file, Number(file.readBigUInt64LE(HEADER.shoff)) + 64 * i);
    }
    return file;
  };
const to64 = (field: number, value: bigint) => (file: Buffer, at: number) =>
  void file.writeBigUInt64LE(value, at + field);
const header16 =
  (field: number, value: number): Change =>
  (file) => {
    file.writeUInt16LE(value, field);
    return file;
  };
const header64 =
  (field: number, value: bigint): Change =>
  (file) => {
    file.writeBigUInt64LE(value, field);
    return file;
  };

/** One segment, claimed as often as the headers can say so, over a file that is all loads of labels. */
const manySegments: Change = (file) => {
  const count = 0xffff;
  const size = 1 << 20;
  const big = Buffer.alloc(64 + 56 * count + size, Buffer.from("488d35fffff0ff", "hex"));
  file.copy(big, 0, 0, 64);
  big.writeBigUInt64LE(64n, HEADER.phoff);
  big.writeUInt16LE(count, HEADER.phnum);
  for (let i = 0; i < count; i++) file.copy(big, 64 + 56 * i, 64, 64 + 56);
  for (let i = 0; i < count; i++) big.writeBigUInt64LE(BigInt(big.length), 64 + 56 * i + PROGRAM.filesz);
  big.write("CLIENT_HANDSHAKE_TRAFFIC_SECRET\0", big.length - 64, "latin1");
  return big;
};

const manySymbolTables: Change = (file) => {
  const count = 0xfeff;
  const at = (file.length + 7) & ~7;
  const big = Buffer.alloc(at + 64 * count);
  file.copy(big);
  for (let i = 0; i < count; i++) {
    big.writeUInt32LE(2, at + 64 * i + SECTION.type);
    big.writeBigUInt64LE(0n, at + 64 * i + SECTION.offset);
    big.writeBigUInt64LE(BigInt(big.length), at + 64 * i + SECTION.size);
    big.writeUInt32LE(i, at + 64 * i + SECTION.link);
  }
  big.writeBigUInt64LE(BigInt(at), HEADER.shoff);
  big.writeUInt16LE(count, HEADER.shnum);
  return big;
};

const onlyLabels: Change = () => {
  const text = "SERVER_HANDSHAKE_TRAFFIC_SECRET\0CLIENT_EARLY_TRAFFIC_SECRET".repeat(60_000);
  const body = Buffer.from(text, "latin1");
  const file = Buffer.alloc(64 + 56 + body.length);
  fs.readFileSync(smallFile("keylog")).copy(file, 0, 0, 64 + 56);
  file.writeUInt16LE(1, HEADER.phnum);
  file.writeUInt16LE(0, HEADER.shnum);
  body.copy(file, 64 + 56);
  to64(PROGRAM.filesz, BigInt(file.length))(file, 64);
  return file;
};

const HOSTILE: ReadonlyArray<readonly [string, Change]> = [
  ["nothing in it", () => Buffer.alloc(0)],
  ["a head alone", (file) => file.subarray(0, 64)],
  ["no program headers", header16(HEADER.phnum, 0)],
  ["65,535 program headers that are not there", header16(HEADER.phnum, 0xffff)],
  ["program headers of no size", header16(HEADER.phentsize, 0)],
  ["program headers past the end", header64(HEADER.phoff, 1n << 40n)],
  ["program headers at 2^64 - 1", header64(HEADER.phoff, HUGE)],
  ["program headers over the head", header64(HEADER.phoff, 0n)],
  ["segments past the end", eachProgramHeader(to64(PROGRAM.offset, 1n << 40n))],
  ["segments at 2^64 - 1", eachProgramHeader(to64(PROGRAM.offset, HUGE))],
  ["segments of 2^63 bytes", eachProgramHeader(to64(PROGRAM.filesz, 1n << 63n))],
  ["segments of 2^64 - 1 bytes", eachProgramHeader(to64(PROGRAM.filesz, HUGE))],
  ["segments of no size", eachProgramHeader(to64(PROGRAM.filesz, 0n))],
  ["segments at the end of all addresses", eachProgramHeader(to64(PROGRAM.vaddr, HUGE))],
  ["segments all at address 0", eachProgramHeader(to64(PROGRAM.vaddr, 0n))],
  ["segments all over the whole file", eachProgramHeader(to64(PROGRAM.offset, 0n))],
  ["65,535 segments over each other", manySegments],
  ["sections past the end", eachSection(to64(SECTION.offset, 1n << 40n))],
  ["sections of 2^64 - 1 bytes", eachSection(to64(SECTION.size, HUGE))],
  [
    "sections that link to themselves",
    eachSection((file, at) => void file.writeUInt32LE(1, at + SECTION.link)),
  ],
  ["sections that are all symbols", eachSection((file, at) => void file.writeUInt32LE(2, at + SECTION.type))],
  ["section headers of no size", header16(HEADER.shentsize, 0)],
  ["65,535 sections that are not there", header16(HEADER.shnum, 0xffff)],
  ["names in a section that is not there", header16(HEADER.shstrndx, 0xffff)],
  ["section headers at 2^64 - 1", header64(HEADER.shoff, HUGE)],
  ["65,279 symbol tables over each other", manySymbolTables],
  ["labels and nothing else", onlyLabels],
];
const SEEDS = ["keylog", "symbol", "rustls", "freebl", "go", "keylog-arm64"];

describe.skipIf(process.platform !== "linux")("a file that was made to be searched, with", () => {
  let folder: string;
  beforeAll(() => {
    folder = temporaryFolder();
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  async function answerTo(content: Buffer, machine: string): Promise<string> {
    const file = path.join(folder, "file");
    fs.writeFileSync(file, content);
    const { kind } = await withFile(file, (fd) => searchSites(fd, { timeoutMs: 60_000, machine }));
    return kind;
  }

  it.each(HOSTILE)("%s ends with an answer", { timeout: 120_000 }, async (_what, change) => {
    for (const seed of SEEDS) {
      const changed = change(fs.readFileSync(smallFile(seed)));
      const kind = await answerTo(changed!, seed.endsWith("arm64") ? "arm64" : "x64");
      // Never "failed": that would be a crash, a search that does not end, or sites that do not hold.
      expect(["found", "none"], seed).toContain(kind);
    }
  });

  it("its end cut off, wherever, ends with an answer", { timeout: 120_000 }, async () => {
    const whole = fs.readFileSync(smallFile("keylog"));
    for (let size = 0; size < whole.length; size += 97) {
      expect(["found", "none"]).toContain(await answerTo(whole.subarray(0, size), "x64"));
    }
  });

  it("anything in it is checked without harm", { timeout: 120_000 }, async () => {
    for (const [, change] of HOSTILE) {
      const file = path.join(folder, "file");
      fs.writeFileSync(file, change(fs.readFileSync(smallFile("rustls")))!);
      const proof = [0, 64, 2 ** 52, Number.MAX_SAFE_INTEGER, 1];
      const kinds = [
        "keylog",
        "go",
        "rustls_will_log",
        "rustls_log",
        "nss_hmac_create",
        "nss_hmac_init",
      ] as const;
      const rules = ["symbol", "calls", "go_table", "label_table", "label", "vector"] as const;
      const claims = kinds.flatMap((kind) =>
        rules.flatMap((rule) =>
          [0, 5, 3].map((count) => ({ kind, rule, offset: 0x160, proof: proof.slice(0, count) })),
        ),
      );
      for (let i = 0; i < claims.length; i += 50) {
        const some = claims.slice(i, i + 50);
        const holds = await withFile(file, (fd) => sitesAddon().checkSites(fd, "x64", some));
        expect(holds).toEqual(some.map(() => false));
      }
    }
  });
});
