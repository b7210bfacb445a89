import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { isPublishedParser } from "../../src/interaction/feature.js";
import { readInteraction } from "../../src/interaction/read.js";
import { compileRule } from "../../src/interaction/rules.js";
import type { Feature } from "../../src/oisp/bundle.js";
import { loadEmbedded } from "../../src/oisp/load.js";
import { parseApps } from "../../src/oisp/parse-registry.js";
import { processorMsOf } from "../processor-time.js";
import { exchangeOf, PARSERS, sse } from "./exchanges.js";
import { decodedOf, loadTranscripts } from "./transcripts.js";

/** What it publishes of hosts, apps and websites; see test/oisp/published.test.ts. */
const published = new URL("../oisp/fixtures/bundle-2026-01-14.json", import.meta.url);
const transcripts = loadTranscripts();

function featureOf(parser: unknown): Feature {
  return { id: "chat", name: "Chat", type: "chat", patterns: [], parser };
}

/** Transcript, and where the published bundle has the rules for it. */
const SITES = [
  ["chatgpt_web/delta-encoding", "websites", "chatgpt"],
  ["chatgpt_web/whole-messages", "websites", "chatgpt"],
  ["deepseek_web/fragments", "websites", "deepseek"],
  ["gemini_web/length-prefixed", "websites", "gemini"],
  ["grok_web/responses", "websites", "grok"],
  ["perplexity_web/blocks", "websites", "perplexity"],
  ["granola/chat", "apps", "granola"],
  ["claude_web/completion", "apps", "claude"],
] as const;

describe("the rules of the published bundle", () => {
  const { registry } = JSON.parse(readFileSync(published, "utf8"));
  const parserOf = (kind: string, id: string) => registry[kind][id].features.chat.parser;

  test.each(SITES)("%s is read right with them", (title, kind, id) => {
    const transcript = transcripts.find((one) => one.title === title)!;
    const feature = featureOf(parserOf(kind, id));
    expect(readInteraction(decodedOf(transcript), { parsers: PARSERS, feature })).toMatchObject(
      transcript.expected,
    );
  });

  test("a conversation that Claude's app fetches is read, as they name that GET", () => {
    const claude = parseApps(registry.apps, []).find(({ id }) => id === "claude")!;
    const conversation = {
      uuid: "v1",
      name: "Greetings",
      chat_messages: [
        { sender: "human", content: [{ type: "text", text: "Hello" }] },
        {
          sender: "assistant",
          content: [{ type: "text", text: "Hi there" }],
          created_at: "2026-01-09T19:56:26Z",
        },
      ],
    };
    const path = "/api/organizations/o1/chat_conversations/v1?tree=True";
    const exchange = exchangeOf({ host: "claude.ai", method: "GET", path, response: conversation });
    expect(readInteraction(exchange, { parsers: PARSERS, feature: claude.features[0] })).toEqual({
      model: null,
      provider: null,
      type: "chat",
      request: {},
      response: {
        content: "Hi there",
        conversation_id: "v1",
        conversation_name: "Greetings",
        timestamp: "2026-01-09T19:56:26Z",
      },
    });
  });

  test.each([
    ["gemini_web/length-prefixed", "websites", "gemini"],
    ["grok_web/responses", "websites", "grok"],
    ["granola/chat", "apps", "granola"],
  ] as const)("%s is read by them alone, at a path that nobody knows", (title, kind, id) => {
    const transcript = transcripts.find((one) => one.title === title)!;
    const exchange = { ...decodedOf(transcript), path: "/elsewhere" };
    const interaction = readInteraction(exchange, {
      parsers: PARSERS,
      feature: featureOf(parserOf(kind, id)),
    });
    expect(interaction?.response?.content).toBe(transcript.expected.response?.content);
  });
});

test("our own readers speak before every rule of the embedded bundle", () => {
  const { apps, websites } = loadEmbedded().bundle;
  const features = [...apps, ...websites]
    .flatMap((entry) => entry.features)
    .filter(({ parser }) => parser !== undefined);
  expect(features.length).toBeGreaterThan(5);
  for (const feature of features) expect(isPublishedParser(feature), feature.id).toBe(true);
});

describe("rules of a bundle", () => {
  const parser = {
    request: {
      messages: "turns.({'role': who, 'content': said})",
      model: "settings.model",
      focus: "settings.focus",
    },
    response: {
      stream: {
        format: "sse",
        rules: [
          { when: "kind = 'piece'", extract: { content: "text" } },
          { when: "kind = 'end'", extract: { tokens: "count", answered_by: "model" } },
        ],
        accumulate: {
          content: { from: "content", op: "concat" },
          total: { from: "tokens", op: "sum" },
          who: { from: "answered_by", op: "last" },
        },
        finalize: { content: "accumulated.content", model: "accumulated.who" },
      },
    },
  };
  const exchange = exchangeOf({
    path: "/ask",
    request: { turns: [{ who: "user", said: "Hi" }], settings: { model: "m1", focus: "web" } },
    response: sse(
      { kind: "piece", text: "Hel" },
      { kind: "other", text: "no" },
      { kind: "piece", text: "lo" },
      { kind: "end", count: 3, model: "m2" },
    ),
  });

  test("read a site that we have never heard of", () => {
    expect(readInteraction(exchange, { parsers: PARSERS, feature: featureOf(parser) })).toEqual({
      model: "m2",
      provider: null,
      type: "chat",
      request: { messages: [{ role: "user", content: "Hi" }], model: "m1", focus: "web" },
      response: { content: "Hello", model: "m2", total: 3 },
    });
  });

  test("speak before our own reader when they are new", () => {
    const transcript = transcripts.find(({ title }) => title === "grok_web/responses")!;
    const feature = featureOf({ request: { model: "'renamed'" }, response: {} });
    expect(readInteraction(decodedOf(transcript), { parsers: PARSERS, feature })).toMatchObject({
      request: { model: "renamed", prompt: "Hey" },
      response: { content: "Hey" },
    });
  });

  test("do not make a conversation of looking at one that they do not name", () => {
    const get = { ...exchange, method: "GET" };
    expect(readInteraction(get, { parsers: PARSERS, feature: featureOf(parser) })).toBeUndefined();
  });
});

describe("rules that mean harm", () => {
  const budget = () => ({ deadline: performance.now() + 100 });

  test.each([
    "($f := function($n){$f($n)}; $f(1))",
    "$map([1..10000000], function($x){$x*$x})",
    "[1..10000000]",
    "$match(text, /(a+)+$/)",
    "$eval(text)",
    "$pad('', 1000000000)",
    "**.x",
    "($x := 1)",
    "a ~> $sum",
    "| $ | {'x': 1} |",
    "$join(",
    `${"(".repeat(900)}1${")".repeat(900)}`,
    "x".repeat(3000),
    42,
    null,
  ])("%s is refused", (rule) => {
    expect(compileRule(rule)).toBeUndefined();
  });

  test("a rule that takes too long stops at the deadline", () => {
    const rule = compileRule("a.b.c.d.e.f")!;
    let input: unknown = 1;
    for (const name of ["f", "e", "d", "c", "b", "a"])
      input = Array.from({ length: 9 }, () => ({ [name]: input }));
    const spent = processorMsOf(() =>
      expect(rule(input, { deadline: performance.now() + 20 })).toBeUndefined(),
    );
    expect(spent).toBeLessThan(2000);
  });

  test("no rule reaches a prototype", () => {
    for (const text of ["__proto__", "constructor", "a.constructor", "$lookup($, '__proto__')"]) {
      expect(compileRule(text)?.({ a: {} }, budget()) ?? undefined).toBeUndefined();
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
