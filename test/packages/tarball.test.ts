import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
// @ts-expect-error a script without types
import { elfNeeds as needsOf } from "../../scripts/elf.mjs";
// @ts-expect-error a script without types
import { SYSTEMS } from "../../scripts/prebuilds.mjs";
import { NATIVE_BINARIES } from "../../src/native/native.js";
import { MAIN } from "../built-oximy.js";

interface Needs {
  readonly libraries: readonly string[];
  readonly glibc?: string;
  readonly symbols: readonly string[];
}
const elfNeeds = needsOf as (file: Buffer) => Needs;

interface Manifest {
  readonly systems: Record<string, Record<string, { sha256: string; size: number; needs: Needs }>>;
}
const MANIFEST = "prebuilds/manifest.json";
/** Of Node's own binaries (BUILDING.md). */
const GLIBC_OF_NODE = "2.28";

/** What `npm pack` takes, of what is there. */
function packed(): string[] {
  const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const output = execFileSync("npm", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const answer = JSON.parse(output) as unknown;
  const [report] = Object.values(answer as Record<string, { files: { path: string }[] }>);
  return report!.files.map((file) => file.path);
}

describe("the tarball", () => {
  const files = packed();

  it("has what is needed at run time", () => {
    const needed = [
      path.relative(process.cwd(), MAIN),
      "dist/supervisor/proxy-process.js",
      "data/oisp-bundle.json",
      "schema/event.schema.json",
      "node_modules/node-addon-api/napi.h",
    ];
    expect(files).toEqual(expect.arrayContaining(needed));
  });

  it("has each script that the program starts", () => {
    const sources = fs
      .readdirSync("src", { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => fs.readFileSync(path.join("src", name), "utf8"));
    const started = sources.flatMap((text) => text.match(/scripts\/[\w-]+\.(?:sh|cjs)/g) ?? []);
    expect(started.length).toBeGreaterThan(2);
    expect(files).toEqual(expect.arrayContaining([...new Set(started)]));
  });

  it("has nothing of the tests, the builds and the machine that made it", () => {
    const foreign =
      /^(test|bench|examples|src|build|\.)|\.test\.|\.tsbuildinfo$|\.log$|\.tgz$|\.deb$|^scripts\/(setup|install-lab|build|prebuild|prepack|check)/;
    expect(files.filter((file) => foreign.test(file))).toEqual([]);
    const modules = files.filter((file) => file.startsWith("node_modules/"));
    expect(modules.filter((file) => !file.startsWith("node_modules/node-addon-api/"))).toEqual([]);
  });

  it("names no folder of the machine that made it", () => {
    const here = path.resolve(".");
    const texts = files.filter(
      (file) => /\.(js|json|txt|sh|cjs|mjs|node)$/.test(file) && fs.existsSync(file),
    );
    expect(texts.filter((file) => fs.readFileSync(file, "utf8").includes(here))).toEqual([]);
  });

  it("brings no other package", () => {
    const { dependencies, bundleDependencies } = JSON.parse(fs.readFileSync("package.json", "utf8")) as {
      dependencies: Record<string, string>;
      bundleDependencies: string[];
    };
    expect(Object.keys(dependencies)).toEqual(bundleDependencies);
  });
});

describe.skipIf(process.platform !== "linux")("what an ELF file needs", () => {
  it("is read from the addon as it was built here", () => {
    const needs = elfNeeds(fs.readFileSync(NATIVE_BINARIES.find((file) => fs.existsSync(file))!));
    expect(needs.symbols).toContain("napi_create_function");
    expect(needs.libraries.join()).toMatch(/libc\.so/);
  });
});

describe.skipIf(!fs.existsSync(MANIFEST))("the manifest of what is prebuilt", () => {
  const { systems } = fs.existsSync(MANIFEST)
    ? (JSON.parse(fs.readFileSync(MANIFEST, "utf8")) as Manifest)
    : { systems: {} };
  const all = Object.entries(systems).flatMap(([name, files]) =>
    Object.entries(files).map(([file, entry]) => ({ name, file: `prebuilds/${name}/${file}`, entry })),
  );

  it("names systems that there are, and with Linux the search and what `oximy run` preloads", () => {
    expect(Object.keys(SYSTEMS)).toEqual(expect.arrayContaining(Object.keys(systems)));
    for (const [name, files] of Object.entries(systems)) {
      const expected = name.startsWith("linux")
        ? ["oximy-preload.so", "oximy-sites", "oximy_native.node"]
        : ["oximy_native.node"];
      expect(Object.keys(files).sort()).toEqual(expected);
    }
  });

  it.each(all)("has the size and the SHA-256 of $file", ({ file, entry }) => {
    const bytes = fs.readFileSync(file);
    expect(entry).toMatchObject({
      size: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    });
  });

  it.each(all.filter(({ name }) => /^linux-\w+$/.test(name)))(
    "$file needs no newer glibc than Node",
    ({ file }) => {
      const { glibc = "0", libraries } = elfNeeds(fs.readFileSync(file));
      expect(glibc.localeCompare(GLIBC_OF_NODE, "en", { numeric: true })).toBeLessThanOrEqual(0);
      expect(libraries.filter((library) => /stdc\+\+|gcc_s/.test(library))).toEqual([]);
    },
  );
});
