import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { CREDENTIALS } from "./credentials.js";
import { leaksIn } from "./outputs-of-run.js";
import { temporaryFolder } from "./temporary-folder.js";

const { openai, password } = CREDENTIALS;

it.each([
  ["whole", `{"content":"${openai}"}`, "openai"],
  ["cut off at either end", `{"content":"${openai.slice(14, 30)}"}`, "openai"],
  ["that has no looks of one", `{"content":"${password}"}`, "password"],
  ["that nobody listed", "authorization: Bearer Zm9vOmJhcmJhejEyMzQ1", "a credential's shape"],
])("a credential %s is found, and told with its file and line", (_, line, name) => {
  const folder = temporaryFolder();
  const file = join(folder, "traces.jsonl");
  writeFileSync(file, `{}\n${line}\n`);
  const leaks = leaksIn(folder);
  // Or it would fail the run.
  rmSync(file);
  expect(leaks).toEqual([`${file}:2: ${name}: ${line}`]);
});

it("what is masked may stand", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "traces.jsonl"), `Bearer abcdefgh…REDACTED, ${openai.slice(0, 8)}…REDACTED`);
  expect(leaksIn(folder)).toEqual([]);
});

it("no test starts the built command line but by what keeps its output", () => {
  const root = fileURLToPath(new URL(".", import.meta.url));
  const starting = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(ts|mjs|sh)$/.test(file))
    .filter((file) => readFileSync(join(root, file), "utf8").includes("dist/cli/main" + ".js"));
  expect(starting).toEqual(["built-oximy.ts"]);
});
