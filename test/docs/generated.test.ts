import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { configurationDoc } from "./configuration-doc.js";
import { errorsDoc } from "./errors-doc.js";

test.each([
  ["errors.md", errorsDoc()],
  ["configuration.md", configurationDoc()],
])("docs/%s says what the source says", (name, text) => {
  const file = new URL(`../../docs/${name}`, import.meta.url);
  if (process.env.UPDATE_DOCS) writeFileSync(file, text);
  expect(readFileSync(file, "utf8"), "run: UPDATE_DOCS=1 npx vitest run test/docs").toBe(text);
});
