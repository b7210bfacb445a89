import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NATIVE_BINARIES } from "../../src/native/native.js";

describe("the installation of the native addon", () => {
  let project: string;
  beforeEach(() => {
    project = fs.mkdtempSync(path.join(os.tmpdir(), "oximy-install-"));
    for (const part of [
      "native",
      "CMakeLists.txt",
      "binding.gyp",
      "package.json",
      "scripts/install-native.mjs",
    ]) {
      fs.cpSync(part, path.join(project, part), { recursive: true });
    }
  });
  afterEach(() => fs.rmSync(project, { recursive: true }));

  /** On a machine without compilers, cmake and make. */
  function install(...args: string[]) {
    const script = path.join(project, "scripts/install-native.mjs");
    const env = { PATH: "/nonexistent", HOME: project };
    return spawnSync(process.execPath, [script, ...args], { cwd: project, env, encoding: "utf8" });
  }

  function put(file: string, content: Buffer | string) {
    fs.mkdirSync(path.dirname(path.join(project, file)), { recursive: true });
    fs.writeFileSync(path.join(project, file), content);
  }

  const addon = () => fs.readFileSync(NATIVE_BINARIES.find((file) => fs.existsSync(file))!);
  const system = path.basename(path.dirname(NATIVE_BINARIES.at(-1)!));
  const prebuilt = `prebuilds/${system}/oximy_native.node`;

  /** As `npm pack` puts it into the package. */
  function pack(content: Buffer | string, written: Buffer | string = content) {
    put(prebuilt, written);
    const sha256 = createHash("sha256").update(content).digest("hex");
    const systems = { [system]: { "oximy_native.node": { sha256, size: content.length } } };
    put("prebuilds/manifest.json", JSON.stringify({ version: "0.1.0", systems }));
  }

  it("warns and succeeds where nothing can be built, so that `npm install` does not break", () => {
    const result = install();
    expect(result.status).toBe(0);
    expect(result.stdout).toContain("the native addon is missing");
    expect(result.stdout).toContain("npm run build:native");
  });

  it("fails with --build where nothing can be built", () => {
    expect(install("--build").status).toBe(1);
  });

  it("takes the prebuilt binary that fits", () => {
    pack(addon());
    expect(install()).toMatchObject({ status: 0, stdout: `oximy: using ${prebuilt}\n` });
  });

  it.each([
    ["cannot be loaded", () => pack("not a library"), "it does not load here"],
    [
      "is not what was packed",
      () => pack(addon(), Buffer.concat([addon(), Buffer.alloc(1)])),
      "oximy_native.node is not what was packed",
    ],
  ])("does not take a prebuilt binary that %s, and leaves it to nobody", (_, prepare, why) => {
    prepare();
    const { status, stdout } = install();
    expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringContaining(why) });
    expect(stdout).toContain("the native addon is missing");
    expect(fs.existsSync(path.join(project, prebuilt))).toBe(false);
  });

  it("does not take a prebuilt binary of which the manifest says nothing", () => {
    put(prebuilt, addon());
    expect(install().stdout).toContain("nothing is packed for this system");
  });

  it("prefers what was built here", () => {
    pack(addon());
    put("build/Release/oximy_native.node", addon());
    expect(install().stdout).toContain("is up to date");
  });

  it("builds nothing when what was built is newer than all sources", () => {
    put("build/Release/oximy_native.node", addon());
    expect(install("--build")).toMatchObject({ status: 0, stdout: expect.stringContaining("is up to date") });
    const later = new Date(Date.now() + 60_000);
    fs.utimesSync(path.join(project, "native/addon.cc"), later, later);
    expect(install("--build").status).toBe(1);
  });
});
