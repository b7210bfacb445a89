import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { searchSites } from "../../src/secrets/sites.js";
import { elfFilesBelow } from "./elf-files.js";
import { withFile } from "./small-files.js";

const FOLDERS = ["/usr/lib", "/usr/bin", "/usr/sbin", "/usr/libexec", "/usr/local/bin", "/opt"];
/** Further folders of programs, such as those that the lab's clients were installed to. */
const MORE = (process.env.OXIMY_ELF_FOLDERS ?? "").split(":").filter(Boolean);

const isWanted =
  process.env.OXIMY_FULL === "1" &&
  process.platform === "linux" &&
  process.arch === "x64" &&
  ["objdump", "readelf"].every((tool) => spawnSync(tool, ["--version"]).status === 0);

/** Where a byte of a file lies in memory, and the beginning of its section of code, by readelf. */
function addressOf(file: string, offset: number): { address: number; start: number } {
  const { stdout } = spawnSync("readelf", ["-SW", file], { encoding: "utf8", maxBuffer: 1 << 28 });
  for (const [, address, at, size] of stdout.matchAll(
    /PROGBITS +([\da-f]+) ([\da-f]+) ([\da-f]+) [\da-f]+ +\w*X/g,
  )) {
    const [start, from, length] = [address, at, size].map((text) => Number.parseInt(text!, 16)) as [
      number,
      number,
      number,
    ];
    if (offset >= from && offset < from + length) return { address: start + offset - from, start };
  }
  throw new Error(`no section of ${file} holds ${offset}`);
}

/** Which of these addresses objdump, that reads the code from its section's beginning, does not begin an instruction at. */
async function notAnInstruction(file: string, wanted: readonly { address: number; start: number }[]) {
  const missing = new Set(wanted.map(({ address }) => address));
  const first = Math.min(...wanted.map(({ start }) => start));
  const last = Math.max(...missing) + 1;
  const child = spawn("objdump", [
    "-d",
    "--no-show-raw-insn",
    `--start-address=${first}`,
    `--stop-address=${last}`,
    file,
  ]);
  child.stderr.resume();
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /^ *([\da-f]+):/.exec(line)?.[1];
    if (address !== undefined) missing.delete(Number.parseInt(address, 16));
  }
  if (child.exitCode === null) await once(child, "exit");
  return [...missing].map((address) => address.toString(16));
}

describe.skipIf(!isWanted)("the sites of every executable file that is installed", () => {
  it("are where objdump begins an instruction", { timeout: 3_600_000 }, async () => {
    const counts: Record<string, number> = { found: 0, none: 0, failed: 0, sites: 0 };
    const wrong: string[] = [];
    const failed: string[] = [];
    for (const file of elfFilesBelow([...FOLDERS, ...MORE])) {
      const result = await withFile(file, (fd) =>
        searchSites(fd, { timeoutMs: 60_000, machine: process.arch }),
      );
      counts[result.kind]!++;
      if (result.kind === "failed") failed.push(`${file}: ${result.reason}`);
      if (result.kind !== "found") continue;
      counts.sites! += result.sites.length;
      const places = result.sites.map(({ offset }) => addressOf(file, offset));
      const missing = await notAnInstruction(file, places);
      console.log(`${path.basename(file)}: ${result.sites.length} sites, ${missing.length} of them wrong`);
      wrong.push(...missing.map((address) => `${file} at ${address}`));
    }
    console.log(counts);
    expect({ wrong, failed }).toEqual({ wrong: [], failed: [] });
    expect(counts.found).toBeGreaterThan(0);
  });
});
