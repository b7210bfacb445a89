import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import { MAIN } from "../built-oximy.js";
import { temporaryFolder } from "../temporary-folder.js";
import { requireLab } from "./require-lab.js";

it.skipIf(requireLab())(
  "the demo cleans up after itself, also when nobody reads to its end",
  () => {
    const folder = temporaryFolder();
    const script = 'set -o pipefail; "$0" "$1" demo | head -n 1';
    const printed = execFileSync("bash", ["-c", script, process.execPath, MAIN], {
      env: { ...process.env, TMPDIR: folder },
      timeout: 60_000,
      encoding: "utf8",
    });
    expect(printed).not.toBe("");
    expect(readdirSync(folder)).toEqual([]);
  },
  90_000,
);
