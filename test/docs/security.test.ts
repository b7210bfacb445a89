import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const TEXT = readFileSync(at("docs/security.md"), "utf8");
const FILES = [...new Set(TEXT.match(/test\/[\w/.-]+\.ts/g))];

test.each(FILES)("%s, which docs/security.md calls a proof, exists", (file) => {
  expect(existsSync(at(file))).toBe(true);
});

test("each line of what is defended names a proof", () => {
  const defended = TEXT.slice(TEXT.indexOf("## Defended"), TEXT.indexOf("## Not defended"));
  const rows = defended
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (attempt|event) \|/.test(line));
  expect(rows.length).toBeGreaterThan(25);
  expect(rows.filter((row) => !/`test\/[\w/.-]+\.test\.ts`[^|]*\|$/.test(row))).toEqual([]);
});

test("SECURITY.md leads there", () => {
  expect(readFileSync(at("SECURITY.md"), "utf8")).toContain("(docs/security.md)");
});
