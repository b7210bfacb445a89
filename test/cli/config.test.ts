import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { runOximy } from "./oximy.js";

test("each option is told with where it is from", async () => {
  const home = temporaryFolder();
  writeFileSync(join(home, "config.json"), JSON.stringify({ keep_days: 30, max_body: "1M" }));
  const env = { OXIMY_HOME: home, OXIMY_MAX_BODY: "2M", OXIMY_INCLUDE_RAW: "no" };
  const { stdout } = await runOximy(["config"], { env });
  const rows = Object.fromEntries(
    stdout
      .trim()
      .split("\n")
      .map((line) => line.split(/ {2,}/))
      .map(([key, ...rest]) => [key, rest]),
  );
  expect(rows).toMatchObject({
    output_dir: [join(home, "traces"), "default"],
    keep_days: ["30", join(home, "config.json")],
    max_body: [String(2 << 20), "OXIMY_MAX_BODY"],
    include_raw: ["false", "OXIMY_INCLUDE_RAW"],
    keep_size: ["–", "default"],
  });
  const { options } = JSON.parse((await runOximy(["config", "--json"], { env })).stdout);
  expect(options).toContainEqual({
    key: "keep_days",
    value: 30,
    source: "file",
    variable: "OXIMY_KEEP_DAYS",
  });
});

test("what cannot be used is an error, as it is for a capture", async () => {
  const env = { OXIMY_HOME: temporaryFolder(), OXIMY_KEEP_DAYS: "many" };
  const { code, stderr } = await runOximy(["config"], { env });
  expect(stderr).toContain('OXIMY_KEEP_DAYS: "many" is not usable');
  expect(code).toBe(2);
});
