import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createHostIndex } from "../../src/oisp/host-index.js";
import { localPorts } from "../../src/oisp/local-ports.js";
import { readBundleText } from "../../src/oisp/parse.js";
import { answererFor, readAnswers } from "./answers.js";

/**
 * The bundles as they were published, of which icons, notes and all but a few models are left out (Apache-2.0, by the
 * OISP authors; models by models.dev).
 */
const published = (name: string) =>
  readBundleText(
    readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8"),
    "The bundle",
    "none",
  );

/** Of thousands. */
const MODELS = 5;

describe("published bundles", () => {
  it.each([
    {
      name: "bundle-1.0.0",
      counts: { hosts: 16, patterns: 7, providers: 18, parsers: 4, models: MODELS, apps: 0, websites: 0 },
    },
    {
      name: "bundle-2026-01-10",
      counts: { hosts: 62, patterns: 3, providers: 75, parsers: 5, models: MODELS, apps: 24, websites: 1 },
    },
    {
      name: "bundle-2026-01-14",
      counts: { hosts: 66, patterns: 3, providers: 80, parsers: 5, models: MODELS, apps: 10, websites: 117 },
    },
  ])("$name is read whole", ({ name, counts }) => {
    const { bundle, rejected } = published(name);
    const { hosts, patterns, providers, parsers, models, apps, websites } = bundle;
    expect({
      hosts: hosts.size,
      patterns: patterns.length,
      providers: providers.size,
      parsers: parsers.size,
      models: models.size,
      apps: apps.length,
      websites: websites.length,
    }).toEqual(counts);
    expect(rejected).toEqual([]);
  });

  it("website hosts are read from either generation of the registry", () => {
    const hosts = published("bundle-2026-01-14").bundle.websites.flatMap((website) => website.hosts);
    expect(hosts).toHaveLength(78);
    expect(published("bundle-2026-01-10").bundle.websites[0]?.hosts).toEqual([
      "chatgpt.com",
      "chat.openai.com",
    ]);
  });

  it("a map of patterns is read as its patterns", () => {
    const claude = published("bundle-2026-01-14").bundle.apps.find(({ id }) => id === "claude");
    expect(claude?.features[0]?.patterns).toEqual([
      { url: "**/api/organizations/*/chat_conversations/*/completion", method: "POST" },
      { url: "**/api/organizations/*/chat_conversations/*", method: "GET", queryParams: ["tree=True"] },
    ]);
  });

  it("extraction rules of 1.0.0 become parsers, and providers get their names and formats", () => {
    const { parsers, providers } = published("bundle-1.0.0").bundle;
    expect(parsers.get("openai")?.response.finish_reason).toEqual({
      kind: "jsonpath",
      path: "$.choices[0].finish_reason",
    });
    expect(parsers.get("google")?.request.model).toEqual({ kind: "template", template: "{model}" });
    expect(parsers.get("anthropic")?.response.request_id).toEqual({ kind: "header", header: "request-id" });
    expect(providers.get("aws_bedrock")).toEqual({
      id: "aws_bedrock",
      name: "AWS Bedrock",
      apiFormat: "bedrock",
    });
    expect(providers.get("anthropic")?.apiFormat).toBe("anthropic");
  });

  it("ports of model servers on this machine are read from hosts and patterns", () => {
    expect(localPorts(published("bundle-1.0.0").bundle)).toEqual([1234, 11434]);
    expect(localPorts(published("bundle-2026-01-10").bundle)).toEqual([1234]);
    expect(localPorts(published("bundle-2026-01-14").bundle)).toEqual([1234, 8080]);
  });

  it("hosts that a bundle only names are known by name and never decrypted", () => {
    const index = createHostIndex(published("bundle-2026-01-14").bundle);
    for (const host of [
      "huggingface.co",
      "console.aws.amazon.com",
      "zapier.com",
      "app.hubspot.com",
      "you.com",
    ]) {
      expect(index.knows(host, 443)).toBe(false);
      expect(index.lookup(host, 443)).toBeDefined();
    }
    for (const host of ["claude.ai", "gemini.google.com", "any.granola.ai"])
      expect(index.knows(host, 443)).toBe(true);
  });

  describe.each(["bundle-1.0.0", "bundle-2026-01-10", "bundle-2026-01-14"])("with %s", (name) => {
    const answer = answererFor(published(name).bundle);
    it.each(readAnswers(`answers-${name}.txt`))("%s is %s", (request, expected) => {
      expect(answer(request)).toBe(expected);
    });
  });
});
