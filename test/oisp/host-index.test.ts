import { expect, it } from "vitest";
import { createHostIndex } from "../../src/oisp/host-index.js";
import { loadEmbedded } from "../../src/oisp/load.js";
import { localPorts } from "../../src/oisp/local-ports.js";
import { parseBundle } from "../../src/oisp/parse.js";

const embedded = createHostIndex(loadEmbedded().bundle);

it("knows an API on 443 and 80 only", () => {
  expect([443, 80, 8443].map((port) => embedded.knows("api.openai.com", port))).toEqual([true, true, false]);
});

it("knows a website by its features, and only names it without", () => {
  expect(embedded.knows("chatgpt.com", 443)).toBe(true);
  expect(embedded.knows("copilot.microsoft.com", 443)).toBe(false);
  expect(embedded.lookup("copilot.microsoft.com", 443)).toMatchObject([{ kind: "website" }]);
});

it("does not know what the bundle does not name", () => {
  for (const host of [
    "example.com",
    "",
    ".",
    "a..b",
    "com",
    "x".repeat(300),
    "api.openai.com\u0000.evil.com",
  ]) {
    expect(embedded.knows(host, 443)).toBe(false);
    expect(embedded.lookup(host, 443)).toBeUndefined();
  }
});

it("answers knows as lookup does for everything readable", () => {
  for (const host of embedded.bundle.hosts.keys()) {
    const [name = "", port] = host.split(":");
    expect(embedded.knows(name, Number(port ?? 443)), host).toBe(true);
  }
});

it("compares international names in ASCII", () => {
  const { bundle } = parseBundle({ domain_lookup: { "ki.bücher.example": "books" } });
  const index = createHostIndex(bundle);
  expect(index.knows("ki.xn--bcher-kva.example", 443)).toBe(true);
  expect(index.knows("KI.BÜCHER.example.", 443)).toBe(true);
});

it("matches wildcards on whole labels, however many, and never the domain itself", () => {
  const { bundle } = parseBundle({ domain_lookup: { "*.example.com": "example" } });
  const index = createHostIndex(bundle);
  const hosts = [
    "a.example.com",
    "a.b.example.com",
    "example.com",
    "evilexample.com",
    "a.example.com.evil.org",
  ];
  expect(hosts.map((host) => index.knows(host, 443))).toEqual([true, true, false, false, false]);
});

it("keeps every website of a host, those with features first", () => {
  const feature = { chat: { patterns: [{ url: "**/chat" }] } };
  const { bundle } = parseBundle({
    domain_lookup: { "api.example.com": "example" },
    registry: {
      websites: {
        bare: { name: "Bare", api_domains: ["www.example.com"] },
        rich: { name: "Rich", domains: ["www.example.com"], features: feature },
      },
    },
  });
  const [match] = createHostIndex(bundle).lookup("www.example.com", 443) ?? [];
  expect(match?.kind === "website" && match.websites.map(({ id }) => id)).toEqual(["rich", "bare"]);
});

it("does not invent regions for a bundle that does not name the service", () => {
  const index = createHostIndex(parseBundle({ domain_lookup: { "api.openai.com": "openai" } }).bundle);
  expect(index.knows("bedrock-runtime.us-east-1.amazonaws.com", 443)).toBe(false);
  expect(index.knows("aiplatform.googleapis.com", 443)).toBe(false);
});

it("takes one name of this machine for all, with its port", () => {
  const index = createHostIndex(parseBundle({ domain_lookup: { "127.0.0.1:4000": "local" } }).bundle);
  expect(["127.0.0.1", "localhost", "::1", "[::1]"].map((host) => index.knows(host, 4000))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(index.knows("localhost", 443)).toBe(false);
});

it("lists the ports of model servers on this machine", () => {
  expect(localPorts(embedded.bundle)).toEqual([1234, 11434]);
});
