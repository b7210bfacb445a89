import { describe, expect, it } from "vitest";
import { classify } from "../../src/oisp/classify.js";
import { createHostIndex } from "../../src/oisp/host-index.js";
import { parseBundle, readBundleText } from "../../src/oisp/parse.js";
import { processorMsOf } from "../processor-time.js";

const hosts = { "api.example.com": "example" };

describe("refused whole", () => {
  it("a document of 100 MB", () => {
    const text = `{"domain_lookup":{"api.example.com":"${"x".repeat(100 << 20)}"}}`;
    expect(() => readBundleText(text)).toThrow(/larger than 64 MiB/);
  });

  it.each(["[", '{"a":'])("a document nested a million levels deep in %s", (open) => {
    const close = open === "[" ? "]" : "}";
    const text = `{"domain_lookup":${JSON.stringify(hosts)},"x":${open.repeat(1_000_000)}1${close.repeat(1_000_000)}}`;
    expect(() => readBundleText(text)).toThrow(/nested deeper than 64 levels/);
  });

  it.each([
    null,
    1,
    "text",
    [],
    {},
    { domain_lookup: [] },
    { domain_lookup: { "": "x" } },
    { domain_patterns: "x" },
  ])("a document without hosts: %j", (document) =>
    expect(() => parseBundle(document)).toThrow(/no usable hosts/),
  );
});

describe("left out, with a sentence, and the rest used", () => {
  const sentences = (part: object): readonly string[] => {
    const { bundle, rejected } = parseBundle({ domain_lookup: hosts, ...part });
    expect(bundle.hosts.size).toBeGreaterThan(0);
    return rejected;
  };

  it.each([
    "*",
    "*.com",
    "*.co.uk",
    "*.*",
    "localhost",
    "127.0.0.1",
    "a b",
    "http://x.example",
    "x.example/path",
    "x.example:0",
    "x.example:99999",
    "x..example",
    "*x.example",
  ])("the host %j", (host) =>
    expect(sentences({ domain_lookup: { ...hosts, [host]: "evil" } })).toHaveLength(1),
  );

  it("a catastrophic regular expression", () => {
    const patterns = [
      { pattern: String.raw`(a+)+\.example\.com`, provider: "evil" },
      { pattern: "(x*)*$", provider: "evil" },
    ];
    expect(sentences({ domain_patterns: patterns })).toHaveLength(2);
  });

  it("patterns beyond any sensible number", () => {
    const patterns = Array.from({ length: 10_000 }, (_, n) => ({
      pattern: `*.n${n}.example.com`,
      provider: "p",
    }));
    expect(sentences({ domain_patterns: patterns })).toEqual([
      "Host patterns beyond the first 256: too many.",
    ]);
  });

  it.each([
    "$..*",
    "$.a[?(@.b)]",
    "$.a[(@.length-1)]",
    "$[?(constructor.constructor('return process')())]",
    "$.a[*].b[*].c[*]",
    "$.__proto__.x",
    "$['constructor']",
    "$.a~",
    "$.a^",
    "$.a@string()",
    "$.a[`x`]",
    "a.b",
    "$",
    "$".repeat(600),
  ])("the JSONPath %s", (path) => {
    const { bundle, rejected } = parseBundle({
      domain_lookup: hosts,
      parsers: { openai: { request: { model: "$.model", evil: path, usage: { evil: path } }, response: {} } },
    });
    expect(rejected).toHaveLength(2);
    expect(bundle.parsers.get("openai")?.request).toEqual({
      model: { kind: "jsonpath", path: "$.model" },
      usage: {},
    });
  });

  it.each([
    "$.a.b[0].c",
    "$.choices[0].message.content",
    "$.accounts.*.account.plan_type",
    "$['a-b'].c",
    "$.a[-1]",
    "$[2][0]",
  ])("but not the JSONPath %s", (path) =>
    expect(sentences({ parsers: { openai: { request: { ok: path }, response: {} } } })).toEqual([]),
  );

  it("keys that mean something to JavaScript objects", () => {
    const text = `{
      "domain_lookup": {"api.example.com": "example", "__proto__": {"polluted": "yes"}},
      "providers": {"__proto__": {"polluted": "yes"}, "constructor": {"name": "x"}},
      "parsers": {"__proto__": {"request": {}}, "openai": {"request": {"__proto__": "$.x", "model": "$.model"}, "response": {}}},
      "registry": {"apps": {"a": {"name": "A", "features": {"f": {"patterns": [{"url": "/x"}], "parser": {"__proto__": {"polluted": "yes"}, "k": [{"__proto__": 1}]}}}}}}
    }`;
    const { bundle, rejected } = readBundleText(text);
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
    expect(rejected).toEqual([
      "7 keys named __proto__, constructor or prototype, or with control characters.",
    ]);
    expect(bundle.apps[0]?.features[0]?.parser).toEqual({ k: [{}] });
    expect(Object.getPrototypeOf(bundle.parsers.get("openai")!.request)).toBe(Object.prototype);
  });

  it.each([
    ["an app without a name", { registry: { apps: { x: {} } } }],
    ["an app in a list without an id", { registry: { apps: [{ name: "X" }] } }],
    [
      "signatures that are a number",
      { registry: { apps: { x: { name: "X", signatures: { macos: { bundle_id: 1 } } } } } },
    ],
    ["a feature without patterns", { registry: { websites: { x: { name: "X", features: { f: {} } } } } }],
    [
      "a pattern without a URL",
      { registry: { websites: { x: { name: "X", features: { f: { patterns: [{}] } } } } } },
    ],
    ["a price that is text", { models: { "p/m": { input_cost_per_1k: "1" } } }],
    ["a price below zero", { models: { "p/m": { input_cost_per_1k: -1 } } }],
    ["a model without a provider", { models: { m: {} } }],
    ["a provider that is text", { providers: { p: "x" } }],
    ["a parser that is a list", { parsers: { openai: [] } }],
    [
      "an unknown stream format",
      { parsers: { openai: { request: {}, response: {}, streaming: { format: "morse" } } } },
    ],
  ])("%s", (_, part) => expect(sentences(part)).toHaveLength(1));

  it("names that would write to a terminal", () => {
    const registry = { apps: { a: { name: "\u001b]0;owned\u0007" }, "b\u001b[2J": { name: "B" } } };
    const { bundle, rejected } = parseBundle({
      domain_lookup: hosts,
      providers: { p: { name: "\u009b2J" } },
      registry,
    });
    expect(bundle.apps).toEqual([]);
    expect(rejected).toHaveLength(3);
    expect(rejected.join("")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });

  it("more faults than anybody reads, counted", () => {
    const models = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`m${n}`, {}]));
    expect(sentences({ models }).at(-1)).toBe("800 more entries.");
  });
});

describe("contained", () => {
  it("a URL pattern of many wildcards, on a path of very many segments", () => {
    const features = { f: { patterns: [{ url: `${"**/*a*".repeat(4)}/end` }] } };
    const websites = { x: { name: "X", domains: ["x.example.com"], features } };
    const index = createHostIndex(parseBundle({ domain_lookup: hosts, registry: { websites } }).bundle);
    const request = { method: "POST", host: "x.example.com", port: 443, path: "/a".repeat(4_000) };
    expect(processorMsOf(() => classify(request, index))).toBeLessThan(1_000);
  });

  it("a request whose path is a quarter of a megabyte of slashes", () => {
    const index = createHostIndex(parseBundle({ domain_lookup: hosts }).bundle);
    const request = { method: "POST", host: "api.example.com", port: 443, path: `${"/".repeat(250_000)}x` };
    expect(processorMsOf(() => classify(request, index))).toBeLessThan(1_000);
  });

  it("a hundred thousand hosts on ten thousand providers of one API host", () => {
    const lookup = Object.fromEntries(
      Array.from({ length: 100_000 }, (_, n) => [`h${n}.example.com`, `p${n % 10_000}`]),
    );
    const providers = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, n) => [
        `p${n}`,
        { name: "P", api_endpoint: `https://h0.example.com/${n}` },
      ]),
    );
    const { bundle } = parseBundle({ domain_lookup: lookup, providers });
    expect(processorMsOf(() => createHostIndex(bundle))).toBeLessThan(5_000);
  });
});
