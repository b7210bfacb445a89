import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { trustEnvironment } from "../../src/trust/trust-environment.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, "utf8");

/** What is put into a message at run time is `…`, here as in the document. */
const source = ["src", "scripts"]
  .flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`),
  )
  .filter((path) => /\.(ts|sh)$/.test(path))
  .map(read)
  .join("\n")
  .replace(/\$\{[^}]*\}/g, "…");

describe("docs/troubleshooting.md quotes what is really said", () => {
  const document = read("docs/troubleshooting.md");
  const quotes = [...document.matchAll(/^(?:### |- )`([^`]+)`/gm)].map(([, quote]) => quote!);
  test.each(quotes)("%s", (quote) => {
    const unknown = quote.split("…").filter((piece) => !source.includes(piece));
    expect(unknown).toEqual([]);
  });
});

test("docs/trust.md names every variable that oximy env prints", () => {
  const document = read("docs/trust.md");
  for (const name of Object.keys(trustEnvironment("", ""))) expect(document).toContain(`\`${name}\``);
});

test("links between the pages lead somewhere", () => {
  for (const name of ["errors", "configuration", "trust", "troubleshooting", "how-it-works"]) {
    for (const [, target] of read(`docs/${name}.md`).matchAll(/\]\(([a-z-]+\.md)/g))
      expect(() => read(`docs/${target}`)).not.toThrow();
  }
});
