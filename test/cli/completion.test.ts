import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { runOximy } from "./oximy.js";

const isThere = (program: string) => {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`]);
    return true;
  } catch {
    return false;
  }
};

const script = async (shell: string) => (await runOximy(["completion", shell])).stdout;

/** What bash offers for the last of these words. */
function offered(completion: string, ...words: string[]): string[] {
  const ask = `${completion}
COMP_WORDS=(oximy ${words.map((word) => `'${word}'`).join(" ")}) COMP_CWORD=${words.length}
compopt() { :; }
_oximy
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", ask], { encoding: "utf8" }).trim().split("\n");
}

test("bash completes commands, commands within them, options and their values", async () => {
  const completion = await script("bash");
  expect(offered(completion, "ev")).toEqual(["events"]);
  expect(offered(completion, "bundle", "lo")).toEqual(["lookup"]);
  expect(offered(completion, "events", "--gr")).toEqual(["--grep"]);
  expect(offered(completion, "events", "--json", "--sh")).toEqual(["--show-content"]);
  expect(offered(completion, "export", "h")).toEqual(["har", "html"]);
  expect(offered(completion, "stats", "--sh")).toEqual([""]);
});

test.each(["bash", "zsh", "fish"])("%s reads its script", async (shell) => {
  const completion = await script(shell);
  expect(completion).toContain("show-content");
  if (!isThere(shell)) return;
  const file = join(temporaryFolder(), "completion");
  writeFileSync(file, completion);
  execFileSync(shell, ["-n", file]);
});

test("there is a manual page for each command, which groff reads without a complaint", async () => {
  const folder = join(temporaryFolder(), "man1");
  await runOximy(["man", folder]);
  const pages = readdirSync(folder);
  expect(pages).toEqual(expect.arrayContaining(["oximy.1", "oximy-events.1", "oximy-bundle-lookup.1"]));
  const page = readFileSync(join(folder, "oximy-events.1"), "utf8");
  expect(page).toContain(".SH OPTIONS");
  expect(page).toContain(".SH EXAMPLES\n.nf\noximy events \\-\\-since 2h\n");
  expect(page).toContain("\\fB\\-\\-grep <text>\\fR");
  if (!isThere("groff")) return;
  for (const name of pages) {
    const complaints = execFileSync("sh", [
      "-c",
      `groff -man -Tutf8 -ww "$1" 2>&1 >/dev/null`,
      "sh",
      join(folder, name),
    ]);
    expect(`${complaints}`).toBe("");
  }
});
