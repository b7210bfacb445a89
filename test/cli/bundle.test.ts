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
    expect(stderr).toContain("is not a host");
    expect(code).toBe(2);
  });
});

describe("whose fact an answer is", () => {
  const lookup = async (...args: string[]) =>
    (await runOximy(["bundle", "lookup", "--json", ...args], { env })).stdout;

  it("is told of a host, and of how a call to it is read", async () => {
    const asked = "https://cloudcode-pa.googleapis.com/v1internal:streamGenerateContent?alt=sse";
    expect(JSON.parse(await lookup(asked))).toMatchObject({
      decrypted: true,
      found: [{ type: "api", id: "google", supplement: { source: expect.stringContaining("gemini-cli") } }],
      call: { class: "full_trace", source: "api google", reader: "gemini" },
    });
  });

  it("is told of a path that the bundle lacks, with its method", async () => {
    const answer = await lookup("chatgpt.com/backend-api/codex/responses", "--method", "GET");
    expect(JSON.parse(answer).call).toMatchObject({
      class: "full_trace",
      source: "website chatgpt codex",
      reader: "openai_responses",
      supplement: { date: "2026-11-27" },
    });
  });

  it("is not said of what the bundle knows itself", async () => {
    expect(JSON.parse(await lookup("api.example.com/v1/chat/completions"))).toMatchObject({
      found: [{ type: "api", id: "example", name: "example" }],
      call: { class: "full_trace", reader: "openai_chat" },
    });
    expect(await lookup("api.example.com")).not.toContain("supplement");
  });

  it("is nobody's without the supplement", async () => {
    expect(JSON.parse(await lookup("api.individual.githubcopilot.com", "--no-supplement"))).toEqual({
      host: "api.individual.githubcopilot.com",
      port: 443,
      decrypted: false,
      found: [],
    });
  });

  it("is counted by `bundle show`", async () => {
    const show = async (...args: string[]) =>
      JSON.parse((await runOximy(["bundle", "show", "--json", ...args], { env })).stdout);
    const both = await show();
    const alone = await show("--no-supplement");
    expect(alone).toMatchObject({ hosts: 2, apps: 0 });
    expect(alone.supplement).toBeUndefined();
    expect(both.hosts - both.supplement.hosts).toBe(2);
    expect(both.apps).toBe(both.supplement.apps);
  });
});

it.each([
  ["oximy bundle show", ["bundle", "show"], '"location": "FILE"'],
  ["oximy apps", ["apps"], "[]"],
])("%s takes the bundle that a capture would take", async (_, args, expected) => {
  const { stdout } = await runOximy([...args, "--json"], { env: { ...env, OXIMY_SUPPLEMENT: "false" } });
  expect(stdout).toContain(expected.replace("FILE", file));
});
