import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { configurationDoc } from "./configuration-doc.js";
import { errorsDoc } from "./errors-doc.js";
import { trustDoc } from "./trust-doc.js";

test.each([
  ["errors.md", errorsDoc()],
  ["configuration.md", configurationDoc()],
  ["trust.md", trustDoc(readFileSync(new URL("../../docs/trust.md", import.meta.url), "utf8"))],
])("docs/%s says what the source says", (name, text) => {
  const file = new URL(`../../docs/${name}`, import.meta.url);
  if (process.env.UPDATE_DOCS) writeFileSync(file, text);
  expect(readFileSync(file, "utf8"), "run: UPDATE_DOCS=1 npx vitest run test/docs").toBe(text);
});
