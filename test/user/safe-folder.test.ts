import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { whyUnsafe } from "../../src/user/safe-folder.js";
import { temporaryFolder } from "../temporary-folder.js";

const OTHER = 65_534;
const make = (path: string, mode: number) => {
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
};

describe.skipIf(process.getuid?.() !== 0)("a folder for events", () => {
  test.each<readonly [name: string, make: (folder: string) => string, why: RegExp | undefined]>([
    ["of one's own", (folder) => folder, undefined],
    ["that is not there yet", (folder) => join(folder, "a/b"), undefined],
    [
      "in one for everybody, where each keeps his own",
      (folder) => join(make(join(folder, "tmp"), 0o1777), "own"),
      undefined,
    ],
    [
      "that is for everybody itself",
      (folder) => make(join(folder, "tmp"), 0o1777),
      /Others may make files in .*tmp \(mode 1777\)/,
    ],
    [
      "in one that everybody changes",
      (folder) => join(make(join(folder, "open"), 0o777), "own"),
      /Others may write to .*open/,
    ],
    ["whose private group may write", (folder) => make(join(folder, "own"), 0o775), undefined],
    [
      "of a group that others are in",
      (folder) => {
        chownSync(make(join(folder, "staff"), 0o775), 0, OTHER);
        return join(folder, "staff");
      },
      /Others may write to .*staff/,
    ],
    [
      "of somebody else",
      (folder) => {
        chownSync(make(join(folder, "foreign"), 0o755), OTHER, OTHER);
        return join(folder, "foreign");
      },
      /foreign belongs to another user \(uid 65534\)/,
    ],
    [
      "below one of somebody else",
      (folder) => {
        chownSync(make(join(folder, "foreign"), 0o755), OTHER, OTHER);
        return make(join(folder, "foreign/own"), 0o700);
      },
      /foreign belongs to another user/,
    ],
    [
      "by one's own link",
      (folder) => {
        make(join(folder, "target"), 0o700);
        symlinkSync("target", join(folder, "link"));
        return join(folder, "link/deeper");
      },
      undefined,
    ],
    [
      "by a link of somebody else",
      (folder) => {
        make(join(folder, "target"), 0o700);
        symlinkSync(join(folder, "target"), join(make(join(folder, "tmp"), 0o1777), "link"));
        lchownSync(join(folder, "tmp/link"), OTHER, OTHER);
        return join(folder, "tmp/link");
      },
      /link belongs to another user/,
    ],
    [
      "by a link into one of somebody else",
      (folder) => {
        chownSync(make(join(folder, "foreign"), 0o755), OTHER, OTHER);
        symlinkSync("../x/../foreign", join(make(join(folder, "x"), 0o700), "link"));
        return join(folder, "x/link");
      },
      /foreign belongs to another user/,
    ],
    [
      "by a circle of links",
      (folder) => {
        symlinkSync("circle", join(folder, "circle"));
        return join(folder, "circle");
      },
      /circle of links/,
    ],
  ])("%s", (_, folder, why) => {
    const found = whyUnsafe(folder(temporaryFolder()));
    if (why === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(why);
  });
});
