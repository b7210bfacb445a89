import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { OximyError } from "../../src/errors.js";
import { loadFirst, NATIVE_BINARIES } from "../../src/native/native.js";
import { asInvokingUser } from "../../src/user/invoking-user.js";
import { temporaryFolder } from "../temporary-folder.js";

const sourcesIn = (file: string) =>
  [...new Set(fs.readFileSync(file, "utf8").match(/native\/[\w/]+\.cc/g))].sort();

/** The sources named between two marks of a file, in its own order. */
const sourcesBetween = (file: string, start: string, end: string) => {
  const text = fs.readFileSync(file, "utf8");
  const from = text.indexOf(start);
  expect(from).toBeGreaterThanOrEqual(0);
  return text.slice(from, text.indexOf(end, from)).match(/native\/[\w/]+\.cc/g);
};

describe("the build of the addon", () => {
  it("has the same sources with cmake-js and with node-gyp", () => {
    expect(sourcesIn("binding.gyp")).toEqual(sourcesIn("CMakeLists.txt"));
  });
});

describe("the build of oximy-sites", () => {
  it.each([
    ["set(SITE_SOURCES", '"site_sources"'],
    ["set(SITE_SEARCH_SOURCES", '"site_search_sources"'],
  ])("has the same %s with cmake-js and with node-gyp", (inCmake, inGyp) => {
    expect(sourcesBetween("binding.gyp", inGyp, "]")).toEqual(sourcesBetween("CMakeLists.txt", inCmake, ")"));
  });

  it("is made of both lists in both, and the addon of the first alone", () => {
    const cmake = fs.readFileSync("CMakeLists.txt", "utf8");
    expect(cmake).toMatch(/add_executable\(oximy-sites \$\{SITE_SOURCES\} \$\{SITE_SEARCH_SOURCES\}\)/);
    expect(cmake).toMatch(/list\(APPEND SOURCES \$\{LINUX_SOURCES\} \$\{SITE_SOURCES\}\)/);
    const [addon = "", executable = ""] = fs.readFileSync("binding.gyp", "utf8").split('"oximy-sites"');
    expect(executable).toContain('"sources": ["<@(site_sources)", "<@(site_search_sources)"]');
    expect(addon).toContain('"<@(site_sources)"');
    expect(addon).not.toContain("<@(site_search_sources)");
  });

  it.skipIf(process.platform !== "linux")("is beside the addon", () => {
    const built = NATIVE_BINARIES.find((file) => fs.existsSync(file))!;
    expect(fs.statSync(path.join(path.dirname(built), "oximy-sites")).mode & 0o111).not.toBe(0);
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

  it.runIf(process.getuid?.() === 0)("names the folder that this user may not enter", () => {
    const folder = temporaryFolder(); // 0700, of root
    fs.mkdirSync(path.join(folder, "build"));
    const nobody = { uid: 65_534, gid: 65_534, home: "/" };
    const load = () =>
      asInvokingUser(nobody, () => loadFirst([path.join(folder, "build/oximy_native.node")]));
    try {
      load();
      expect.unreachable();
    } catch (error) {
      expect((error as OximyError).advice).toContain(`may not enter ${folder} (no execute right there)`);
    }
  });
});
