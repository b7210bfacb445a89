import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";

const compiler = process.env.CXX ?? "c++";
const canCompile = process.platform === "linux" && spawnSync(compiler, ["--version"]).status === 0;

/** Pure functions over bytes: those for macOS are tested here, too. */
const PARSERS = [
  "native/endpoint.cc",
  "native/darwin/pcblist.cc",
  "native/darwin/process_arguments.cc",
  "native/linux/connect_programs.cc",
  "native/linux/proc_parse.cc",
  "native/linux/sock_diag_message.cc",
];

describe.skipIf(!canCompile)("the parsers of the native addon", () => {
  it("read what kernels write, under address and undefined-behaviour sanitizers", {
    timeout: 120_000,
  }, () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "oximy-parsers-"));
    try {
      const binary = path.join(folder, "parsers");
      const tests = ["main.cc", "darwin_test.cc", "linux_test.cc"].map((name) => `test/native/cpp/${name}`);
      const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
      const flags = ["-std=c++17", "-g", "-Wall", "-Wextra", ...sanitizers, "-Inative"];
      const built = spawnSync(compiler, [...flags, ...tests, ...PARSERS, "-o", binary], { encoding: "utf8" });
      expect(built).toMatchObject({ status: 0, stderr: "" });
      expect(spawnSync(binary, { encoding: "utf8" })).toMatchObject({
        stdout: "ok\n",
        stderr: "",
        status: 0,
      });
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});
