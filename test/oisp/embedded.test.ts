import { describe, expect, it } from "vitest";
import { builtInParsers } from "../../src/oisp/embedded.js";
import { loadEmbedded } from "../../src/oisp/load.js";
import { parseBundle } from "../../src/oisp/parse.js";
import { ownSupplement } from "../../src/oisp/supplement.js";

const { bundle, rejected, origin, document } = loadEmbedded();

describe("the embedded bundle", () => {
  it("is read whole", () => {
    expect(origin).toBe("embedded");
    expect(rejected).toEqual([]);
  });

  it("describes the provider of every host and pattern", () => {
    const named = [...bundle.hosts.values(), ...bundle.patterns.map(({ provider }) => provider)];
    const ours = ownSupplement().groups.flatMap(({ providers }) => [...providers.keys()]);
    const described = new Set([...Object.keys(JSON.parse(document).providers), ...ours]);
    expect(named.filter((id) => !described.has(id))).toEqual([]);
  });

  it("has a parser for every format that its providers speak", () => {
    const formats = new Set([...bundle.providers.values()].map(({ apiFormat }) => apiFormat));
    expect([...formats].filter((format) => !bundle.parsers.has(format))).toEqual([]);
  });

  it("prices no model of a provider that it does not have", () => {
    const providers = [...bundle.models.values()].map(({ provider }) => provider);
    expect(providers.filter((id) => !bundle.providers.has(id))).toEqual([]);
  });

  it.each(["linux", "darwin", "win32"] as const)("gives no executable of %s to two apps", (system) => {
    const names = bundle.apps.flatMap(({ signatures }) => signatures.executables[system]);
    expect(names.length).toBe(new Set(names).size);
  });

  it("gives no bundle id, application id or script to two apps, though one app may use a name twice", () => {
    for (const kind of ["bundleIds", "applicationIds", "scripts"] as const) {
      const names = bundle.apps.flatMap(({ signatures }) => signatures[kind]);
      expect(names.length, kind).toBe(new Set(names).size);
    }
  });

  it("names no executable that runs other people's programs", () => {
    const interpreters = [
      "node",
      "python",
      "python3",
      "java",
      "electron",
      "bun",
      "deno",
      "sh",
      "bash",
      "ruby",
    ];
    const names = bundle.apps.flatMap(({ signatures }) => signatures.executables.linux);
    expect(names.filter((name) => interpreters.includes(name))).toEqual([]);
  });
});

it("lends its parsers to a bundle that brings none", () => {
  const { bundle: bare } = parseBundle({ domain_lookup: { "api.openai.com": "openai" } });
  expect(bare.parsers).toEqual(builtInParsers());
  expect([...bare.parsers.keys()]).toEqual(["anthropic", "bedrock", "cohere", "google", "ollama", "openai"]);
});

it("lends a feature's parser to a bundle that has the feature without one, and never replaces one", () => {
  const parserOf = (parser?: unknown): unknown => {
    const chat = {
      patterns: [{ url: "**/backend-api/conversation" }],
      ...(parser !== undefined && { parser }),
    };
    const websites = { chatgpt: { name: "ChatGPT", domains: ["chatgpt.com"], features: { chat } } };
    return parseBundle({ domain_lookup: { "api.openai.com": "openai" }, registry: { websites } }).bundle
      .websites[0]?.features[0]?.parser;
  };
  const own = { request: { prompt: "question" } };
  expect(parserOf(own)).toEqual(own);
  expect(parserOf()).toEqual(bundle.websites.find(({ id }) => id === "chatgpt")?.features[0]?.parser);
});
