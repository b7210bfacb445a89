import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { REASONS } from "../../src/connection/reasons.js";

interface ReasonSchema {
  properties: { metadata: { properties: { reason: { anyOf: { const: string; description: string }[] } } } };
}

test("the schema has every reason and no other", () => {
  const file = new URL("../../schema/event.schema.json", import.meta.url);
  const schema = JSON.parse(readFileSync(file, "utf8")) as ReasonSchema;
  const { reason } = schema.properties.metadata.properties;
  const wanted = Object.entries(REASONS).map(([name, description]) => ({ const: name, description }));
  if (process.env.UPDATE_DOCS) {
    reason.anyOf = wanted;
    writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
  }
  expect(reason.anyOf, "run: UPDATE_DOCS=1 npx vitest run test/docs/reasons.test.ts").toEqual(wanted);
});
