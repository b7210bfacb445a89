import { describe, expect, it } from "vitest";
import type { Classification } from "../../src/oisp/bundle.js";
import { classify } from "../../src/oisp/classify.js";
import { createHostIndex } from "../../src/oisp/host-index.js";
import { loadEmbedded } from "../../src/oisp/load.js";
import { parseBundle } from "../../src/oisp/parse.js";
import { answererFor, readAnswers } from "./answers.js";

describe("with the embedded bundle", () => {
  const answer = answererFor(loadEmbedded().bundle);
  it.each(readAnswers("answers-embedded.txt"))("%s is %s", (request, expected) => {
    expect(answer(request)).toBe(expected);
  });
});

describe("a site's feature", () => {
  const chat = { patterns: [{ url: "**/chat", method: "POST", query_params: ["mode=full", "lang"] }] };
  const { bundle } = parseBundle({
    domain_lookup: { "api.example.com": "example" },
    registry: {
      apps: {
        desk: { name: "Desk", api_domains: ["ai.example.com", "app.example.com"], features: { chat } },
      },
      websites: { bare: { name: "Bare", domains: ["ai.example.com"] } },
    },
  });
  const index = createHostIndex(bundle);
  const ask = (host: string, path: string, appId?: string): Classification =>
    classify({ method: "POST", host, port: 443, path, ...(appId !== undefined && { appId }) }, index);

  it("is the app's when the app itself asks", () => {
    const source = { type: "app", id: "desk", endpoint: "chat" };
    expect(ask("ai.example.com", "/chat?mode=full&lang=en", "desk")).toMatchObject({
      level: "full_trace",
      source,
    });
  });

  it("is the website's when anybody else asks, even if only the app's entry says how to read it", () => {
    const source = { type: "website", id: "bare", endpoint: "chat" };
    expect(ask("ai.example.com", "/chat?mode=full&lang=en")).toMatchObject({ level: "full_trace", source });
  });

  it("is the app's when the host has no website", () => {
    const source = { type: "app", id: "desk", endpoint: "chat" };
    expect(ask("app.example.com", "/chat?mode=full&lang=en")).toMatchObject({ level: "full_trace", source });
  });

  it.each(["/chat", "/chat?mode=full", "/chat?mode=fuller&lang=en", "/xchat?mode=full&lang=en"])(
    "is not %s, which its pattern does not match",
    (path) =>
      expect(ask("ai.example.com", path)).toMatchObject({ level: "identifiable", reason: "path_unknown" }),
  );
});

it("says that a parser is missing when a bundle has none for the format", () => {
  const { bundle } = parseBundle({
    domain_lookup: { "api.example.com": "example" },
    providers: { example: { name: "Example", api_format: "morse" } },
    parsers: { anthropic: { request: { model: "$.model" }, response: {} } },
  });
  const request = { method: "POST", host: "api.example.com", port: 443, path: "/v1/tap" };
  expect(classify(request, createHostIndex(bundle))).toMatchObject({
    level: "identifiable",
    reason: "no_parser",
  });
});
