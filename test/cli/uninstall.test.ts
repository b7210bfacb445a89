import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { howToRemove, purge } from "../../src/cli/uninstall.js";
import { temporaryFolder } from "../temporary-folder.js";
import { runOximy } from "./oximy.js";

function home(): string {
  const folder = join(temporaryFolder(), "oximy");
  for (const name of ["ca", "traces", "ui", "otlp", "syslog"])
    mkdirSync(join(folder, name), { recursive: true });
  const files = [
    "ca/key.pem",
    "traces/traces_2026-01-09.jsonl",
    "config.json",
    "pins.json",
    "bundle-cache.json",
    "ui/1234.port",
    "otlp/position.json",
    "syslog/position.json",
  ];
  for (const name of files) writeFileSync(join(folder, name), "");
  return folder;
}

it("purging removes the folder, and can be done twice", () => {
  const folder = home();
  expect(purge(folder)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
  expect(purge(folder)).toEqual([]);
});

it("purging leaves what is not ours, in the folder and behind links", () => {
  const folder = home();
  const elsewhere = home();
  writeFileSync(join(folder, "notes.txt"), "");
  symlinkSync(elsewhere, join(folder, "pins.json.link"));
  expect(purge(folder)).toEqual(["notes.txt"]);
  expect(readdirSync(folder)).toEqual(["notes.txt"]);
  expect(readdirSync(elsewhere)).toHaveLength(8);
});

it.each([
  ["/usr/lib/oximy/node_modules/oximy/dist/cli/uninstall.js", "sudo apt remove oximy"],
  ["/usr/local/lib/node_modules/oximy/dist/cli/uninstall.js", "npm uninstall -g oximy"],
])("what runs as %s is removed by %s", (program, how) => {
  expect(howToRemove(program)).toBe(how);
});

it.skipIf(process.getuid?.() !== 0)("oximy uninstall says 3 and what to do when it is not root", async () => {
  const { code, stderr } = await runOximy(["uninstall"], { uid: 12_345, gid: 12_345 });
  expect(stderr).toContain("sudo oximy uninstall");
  expect(code).toBe(3);
});
