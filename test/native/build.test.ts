import fs from "node:fs";
import { describe, expect, it } from "vitest";
import { loadFirst } from "../../src/attribution/native.js";
import { OximyError } from "../../src/errors.js";

const sourcesIn = (file: string) =>
  [...new Set(fs.readFileSync(file, "utf8").match(/native\/[\w/]+\.cc/g))].sort();

describe("the build of the addon", () => {
  it("has the same sources with cmake-js and with node-gyp", () => {
    expect(sourcesIn("binding.gyp")).toEqual(sourcesIn("CMakeLists.txt"));
  });
});

describe("an addon that cannot be loaded", () => {
  it("is reported with what was looked for and what to run", () => {
    const load = () => loadFirst(["/nowhere/oximy_native.node", "package.json"]);
    expect(load).toThrow(OximyError);
    expect(load).toThrow(/native addon could not be loaded.*\n.*\/nowhere\/oximy_native\.node: /);
    try {
      load();
    } catch (error) {
      expect(error).toMatchObject({ code: "OXIMY_E_NATIVE_MISSING", exitCode: 4 });
      expect((error as OximyError).advice).toContain("npm run build:native");
    }
  });
});
