import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../temporary-folder.js";
import { runOximy } from "./oximy.js";

let file: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  const home = temporaryFolder();
  file = join(home, "bundle.json");
  const domain_lookup = { "api.example.com": "example", "localhost:8080": "example" };
  writeFileSync(file, JSON.stringify({ bundle_version: "7.0.0", domain_lookup, providers: {} }));
  env = { OXIMY_HOME: home, OXIMY_BUNDLE_FILE: file };
});

describe("oximy bundle lookup", () => {
  it.each([
    ["api.example.com", "api.example.com:443 is read"],
    ["API.Example.com.", "api.example.com:443 is read"],
    ["https://api.example.com/v1/chat?a=b", "api.example.com:443 is read"],
    ["http://localhost:8080/v1", "localhost:8080 is read, by `oximy local` with --local-models only"],
    ["http://www.example.org", "www.example.org:80 passes through untouched"],
    ["[2001:db8::1]:443", "[2001:db8::1]:443 passes through untouched"],
  ])("answers for %s", async (asked, answer) => {
    const { stdout, code } = await runOximy(["bundle", "lookup", asked], { env });
    expect([code, stdout.split("\n")[0]]).toEqual([0, answer]);
  });

  it.each(["", "a b", "example.com:99999", "https://"])("says 2 for %j, which is no host", async (asked) => {
    const { stderr, code } = await runOximy(["bundle", "lookup", asked], { env });
    expect(stderr).toContain("is no host");
    expect(code).toBe(2);
  });
});

it.each([
  ["oximy bundle show", ["bundle", "show"], '"location": "FILE"'],
  ["oximy apps", ["apps"], "[]"],
])("%s takes the bundle that a capture would take", async (_, args, expected) => {
  const { stdout } = await runOximy([...args, "--json"], { env });
  expect(stdout).toContain(expected.replace("FILE", file));
});
