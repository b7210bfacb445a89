import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { isElf } from "./elf-files.js";

const compiler = process.env.CXX ?? "c++";
const runs = (command: string) => spawnSync(command, ["--version"]).status === 0;
const canCompare =
  process.platform === "linux" && process.arch === "x64" && runs(compiler) && runs("objdump");

const LIBRARIES = "/usr/lib/x86_64-linux-gnu";
const FILES = [
  `${LIBRARIES}/libssl.so.3`,
  `${LIBRARIES}/libgnutls.so.30`,
  `${LIBRARIES}/libfreeblpriv3.so`,
  `${LIBRARIES}/libc.so.6`,
];
/** Every executable file of these folders, when asked for: some minutes. */
const EVERYTHING = process.env.OXIMY_FULL ? [LIBRARIES, "/usr/bin", "/usr/sbin"] : [];

describe.skipIf(!canCompare)("lengths of x86-64 instructions", () => {
  let folder: string;
  let program: string;
  beforeAll(() => {
    folder = temporaryFolder();
    program = path.join(folder, "boundaries");
    const sources = ["test/secrets/x86-boundaries.cc", "native/linux/sites/x86_length.cc"];
    const built = spawnSync(compiler, ["-std=c++17", "-O2", "-Wall", "-Inative", ...sources, "-o", program], {
      encoding: "utf8",
    });
    expect(built).toMatchObject({ status: 0, stderr: "" });
  }, 120_000);
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  function compare(file: string) {
    const script = 'objdump -d -w "$1" | "$2"';
    const { stdout } = spawnSync("sh", ["-c", script, "sh", file, program], { encoding: "utf8" });
    const [numbers = "", ...examples] = stdout.split("\n");
    const [right = 0, unknown = 0, wrong = 0] = numbers.split(" ").map(Number);
    return { right, unknown, wrong, examples };
  }

  it.each(FILES.filter((file) => fs.existsSync(file)))(
    "are those of objdump in %s",
    { timeout: 300_000 },
    (file) => {
      const { right, unknown, wrong, examples } = compare(file);
      expect(examples.filter(Boolean)).toEqual([]);
      expect(wrong).toBe(0);
      expect(right).toBeGreaterThan(10_000);
      expect(unknown / right).toBeLessThan(0.001);
    },
  );

  it.skipIf(EVERYTHING.length === 0)(
    "are those of objdump all over the system",
    { timeout: 7_200_000 },
    () => {
      const all = { right: 0, unknown: 0, wrong: 0 };
      const files = EVERYTHING.flatMap((where) => fs.readdirSync(where).map((name) => path.join(where, name)))
        .filter((file) => fs.lstatSync(file).isFile() && fs.statSync(file).size < 50_000_000)
        .filter(isElf);
      for (const file of files) {
        const { right, unknown, wrong } = compare(file);
        all.right += right;
        all.unknown += unknown;
        all.wrong += wrong;
      }
      // objdump shows constants that lie between functions as code, and loses its way there.
      expect(all.wrong / all.right).toBeLessThan(0.0001);
      expect(all.unknown / all.right).toBeLessThan(0.001);
    },
  );
});
