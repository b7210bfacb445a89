import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";

const run = promisify(execFile);
const native = fileURLToPath(new URL("../../native", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "oximy-front-"));
afterAll(() => rmSync(folder, { recursive: true }));

const sources = [
  fileURLToPath(new URL("front-stress.cc", import.meta.url)),
  ...[
    "endpoint.cc",
    "front_peek.cc",
    "linux/apart_thread.cc",
    "linux/guest_message.cc",
    "linux/original_destination.cc",
  ].map((name) => path.join(native, name)),
  ...readdirSync(path.join(native, "linux"))
    .filter((name) => /^front_.*\.cc$/.test(name))
    .map((name) => path.join(native, "linux", name)),
];

function canBuild(sanitizer: string): boolean {
  const probe = path.join(folder, "probe.cc");
  writeFileSync(probe, "int main() {}");
  return spawnSync("g++", [`-fsanitize=${sanitizer}`, probe, "-o", path.join(folder, "probe")]).status === 0;
}

describe.skipIf(process.platform !== "linux")("the front under stress", () => {
  it.each(["thread", "address,undefined"])(
    "shows nothing to the sanitizer: %s",
    async (sanitizer) => {
      if (!canBuild(sanitizer)) return console.warn(`skipped: g++ cannot build with -fsanitize=${sanitizer}`);
      const binary = path.join(folder, "stress");
      const flags = [
        "-std=c++17",
        "-O1",
        "-g",
        `-fsanitize=${sanitizer}`,
        "-fno-sanitize-recover",
        "-pthread",
      ];
      await run("g++", [...flags, `-I${native}`, ...sources, "-o", binary]);
      const { stdout, stderr } = await run(binary);
      expect(stderr).toBe("");
      expect(stdout).toMatch(/^ok, \d+ passed\n$/);
    },
    240_000,
  );
});
