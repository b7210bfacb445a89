import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

test("docs/events.md says what the schema says", () => {
  const script = fileURLToPath(new URL("scripts/generate-events-doc.mjs", root));
  const generate = `import { eventsDocument } from ${JSON.stringify(script)};
    process.stdout.write(eventsDocument(JSON.parse(process.argv[1])));`;
  const document = execFileSync(
    process.execPath,
    ["--input-type=module", "-e", generate, read("schema/event.schema.json")],
    { encoding: "utf8" },
  );
  expect(read("docs/events.md"), "run: node scripts/generate-events-doc.mjs").toBe(document);
});
