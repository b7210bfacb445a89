import { execFileSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { systemFiles, withRoot } from "../../../src/attribution/identity/file-reader.js";
import { temporaryFolder } from "../../temporary-folder.js";

let folder: string;
beforeAll(() => {
  folder = temporaryFolder();
});

test("a file is read whole or not at all", async () => {
  const path = join(folder, "text");
  writeFileSync(path, "12345678");
  expect(String(await systemFiles.read(path, 8))).toBe("12345678");
  expect(await systemFiles.read(path, 7)).toBeUndefined();
  expect(String(await withRoot(systemFiles, folder).read("/text", 8))).toBe("12345678");
});

test.skipIf(process.platform !== "linux")("files without a size, as those of /proc, are read", async () => {
  expect(String(await systemFiles.read("/proc/self/cmdline", 1 << 20))).toContain("node");
  expect(await systemFiles.read("/proc/self/cmdline", 3)).toBeUndefined();
});

test("a pipe, a device and a folder in the place of a file are not waited for", async () => {
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  for (const path of [pipe, "/dev/zero", folder, join(folder, "none")]) {
    expect(await systemFiles.read(path, 100)).toBeUndefined();
  }
});

test("a link in the place of a file is not followed", async () => {
  writeFileSync(join(folder, "target"), "text");
  symlinkSync("target", join(folder, "to-file"));
  expect(await systemFiles.read(join(folder, "to-file"), 100)).toBeUndefined();
});

test("links are read, not followed", async () => {
  symlinkSync("text", join(folder, "link"));
  expect(await systemFiles.readLink(join(folder, "link"))).toBe("text");
  expect(await systemFiles.readLink(join(folder, "text"))).toBeUndefined();
  expect(await systemFiles.modifiedAt(join(folder, "none"))).toBeUndefined();
});
