import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const ROOT = new URL("../../", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, ROOT), "utf8");

/** Pages that name files of the repository, and where their short names begin. */
test.each([
  ["CONTRIBUTING.md", ["", "scripts/"]],
  ["docs/architecture.md", ["", "src/", "src/proxy/"]],
  ["docs/native.md", ["", "native/", "native/linux/"]],
])("the files and folders that %s names are there", (page, places) => {
  const named = [...read(page).matchAll(/`([\w./-]+(?:\.(?:ts|sh|mjs|cjs|md|h|cc|txt|json|gyp)|\/))`/g)].map(
    ([, name]) => name!,
  );
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !places.some((place) => existsSync(new URL(place + name, ROOT))))).toEqual(
    [],
  );
});

test("docs/architecture.md has a row for each room", () => {
  const text = read("docs/architecture.md");
  const rooms = readdirSync(new URL("src", ROOT), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  expect(rooms.map(({ name }) => name).filter((name) => !text.includes(`\`${name}/\``))).toEqual([]);
});

test("docs/README.md lists every page", () => {
  const text = read("docs/README.md");
  const pages = readdirSync(new URL("docs", ROOT)).filter(
    (name) => name.endsWith(".md") && name !== "README.md",
  );
  expect(pages.filter((name) => !text.includes(`](${name})`))).toEqual([]);
});
