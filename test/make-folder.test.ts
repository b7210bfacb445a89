import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeFolder } from "../src/make-folder.js";
import { temporaryFolder } from "./temporary-folder.js";

const fileIn = (folder: string) => {
  writeFileSync(join(folder, "file"), "");
  return join(folder, "file");
};

describe("a folder", () => {
  test("is made with its parents, and each of them is told", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "a"));
    expect(makeFolder(join(folder, "a/b/c"))).toEqual([join(folder, "a/b"), join(folder, "a/b/c")]);
    expect(statSync(join(folder, "a/b")).mode & 0o777).toBe(0o700);
    expect(makeFolder(join(folder, "a/b/c"))).toEqual([]);
  });

  test.each([
    ["below a file", (folder: string) => join(fileIn(folder), "x"), /ENOTDIR/],
    ["in the place of a file", (folder: string) => fileIn(folder), /EEXIST/],
    // Node's own recursive mkdir does not come back from these.
    ["below /proc", () => "/proc/oximy-none", /ENOENT/],
    ["deeper below /proc", () => "/proc/self/none/none", /ENOENT/],
  ])("is not made %s, which is said at once", (_, make, why) => {
    expect(() => makeFolder(make(temporaryFolder()))).toThrow(why);
  });
});
