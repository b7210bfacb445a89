import fs from "node:fs";
import { describe, expect, it } from "vitest";
// @ts-expect-error a script without types
import { checkBinary as check } from "../../scripts/check-binary.mjs";
// @ts-expect-error a script without types
import { PRELOAD } from "../../scripts/prebuilds.mjs";
import { PRELOADS } from "../../src/engine/preload.js";
import { NATIVE_BINARIES } from "../../src/native/native.js";

const checkBinary = check as (system: string, file: string, bytes: Buffer) => unknown;
const system = `linux-${process.arch}`;
const built = (files: readonly string[]) => fs.readFileSync(files.find((file) => fs.existsSync(file))!);

describe.skipIf(process.platform !== "linux")("what `oximy run` preloads", () => {
  it("is beside the addon, needs no library, and stands before three functions only", () => {
    expect(() => checkBinary(system, PRELOAD, built(PRELOADS))).not.toThrow();
  });

  it("would not be packed when it needed one", () => {
    expect(() => checkBinary(system, PRELOAD, built(NATIVE_BINARIES))).toThrow(/needs lib/);
  });
});
