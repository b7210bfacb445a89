import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { createAppIndex, matchApp } from "../../src/attribution/match-app.js";
import { readInteraction } from "../../src/interaction/read.js";
import type { Bundle } from "../../src/oisp/bundle.js";
import { classify } from "../../src/oisp/classify.js";
import { createHostIndex } from "../../src/oisp/host-index.js";
import { loadEmbedded } from "../../src/oisp/load.js";
import { parseBundle, readBundleText } from "../../src/oisp/parse.js";
import {
  ownSupplement,
  parseSupplement,
  SUPPLEMENT_LOCATION,
  withSupplement,
} from "../../src/oisp/supplement.js";
import { decodedOf, loadTranscripts, type Transcript } from "../interaction/transcripts.js";

const transcripts = loadTranscripts();
const bundles: readonly (readonly [string, Bundle])[] = [
  ["the embedded bundle", loadEmbedded().bundle],
  ...["bundle-1.0.0", "bundle-2026-01-10", "bundle-2026-01-14"].map((name) => {
    const text = readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8");
    return [name, readBundleText(text).bundle] as const;
  }),
];

/** What people use, where it goes, and a transcript that is asked there. */
const CALLS: readonly (readonly [what: string, method: string, url: string, transcript: string])[] = [
  ["ChatGPT, of old", "POST", "chatgpt.com/backend-api/conversation", "chatgpt_web/delta-encoding"],
  ["ChatGPT", "POST", "chatgpt.com/backend-api/f/conversation", "chatgpt_web/delta-encoding"],
  ["ChatGPT without login", "POST", "chatgpt.com/backend-anon/f/conversation", "chatgpt_web/whole-messages"],
  ["Codex, WebSocket", "GET", "chatgpt.com/backend-api/codex/responses", "openai_responses/websocket"],
  [
    "Codex, WebSocket over HTTP/2",
    "CONNECT",
    "chatgpt.com/backend-api/codex/responses",
    "openai_responses/websocket",
  ],
  ["Codex", "POST", "chatgpt.com/backend-api/codex/responses", "openai_responses/stream-empty-end"],
  [
    "Codex, compaction",
    "POST",
    "chatgpt.com/backend-api/codex/responses/compact",
    "openai_responses/compact",
  ],
  [
    "Gemini CLI, Google login",
    "POST",
    "cloudcode-pa.googleapis.com/v1internal:streamGenerateContent",
    "gemini/code-assist",
  ],
  [
    "Gemini",
    "POST",
    "gemini.google.com/_/BardChatUi/data/assistant.lamda.BardFrontendService/StreamGenerate",
    "gemini_web/length-prefixed",
  ],
  [
    "Claude",
    "POST",
    "claude.ai/api/organizations/o/chat_conversations/c/completion",
    "claude_web/completion",
  ],
  ["Claude's API", "POST", "api.anthropic.com/v1/messages", "anthropic_messages/stream"],
  ["Perplexity", "POST", "www.perplexity.ai/rest/sse/perplexity_ask", "perplexity_web/blocks"],
  ["Copilot", "POST", "api.individual.githubcopilot.com/chat/completions", "openai_chat/stream"],
  ["Copilot, responses", "POST", "api.business.githubcopilot.com/responses", "openai_responses/stream"],
  ["Granola", "POST", "stream.api.granola.ai/v1/chat-with-documents", "granola/chat"],
  [
    "Bedrock, OpenAI's format",
    "POST",
    "bedrock-mantle.us-east-1.api.aws/v1/responses",
    "openai_responses/stream",
  ],
  [
    "Workers AI",
    "POST",
    "api.cloudflare.com/client/v4/accounts/a/ai/v1/chat/completions",
    "openai_chat/stream",
  ],
];

describe.each(bundles)("with the supplement over %s", (_, bundle) => {
  const index = createHostIndex(bundle);

  it.each(CALLS)("%s is read (%s %s)", (_, method, url, title) => {
    const [host = "", path = ""] = [url.slice(0, url.indexOf("/")), url.slice(url.indexOf("/"))];
    expect(index.knows(host, 443)).toBe(true);
    const found = classify({ method, host, port: 443, path }, index);
    if (found.level !== "full_trace") return expect.fail(JSON.stringify(found));
    const transcript = transcripts.find((one) => one.title === title) as Transcript;
    const exchange = { ...decodedOf(transcript), host, method, path };
    const { feature, provider } = found;
    const interaction = readInteraction(exchange, {
      parsers: bundle.parsers,
      ...(feature && { feature }),
      ...(provider && { provider }),
    });
    const { content, usage } = transcript.expected.response!;
    expect(interaction?.response?.content).toBe(content);
    expect(interaction?.response?.usage).toEqual(usage);
    expect(interaction?.request.messages ?? interaction?.request.prompt).toEqual(
      transcript.expected.request.messages ?? transcript.expected.request.prompt,
    );
  });

  it.each([
    ["api2.cursor.sh", "/aiserver.v1.ChatService/StreamUnifiedChatWithTools"],
    ["agent.api5.cursor.sh", "/agent.v1.AgentService/Run"],
  ])("Cursor's calls to %s are known, and their messages kept without a schema", (host, path) => {
    expect(index.knows(host, 443)).toBe(true);
    expect(classify({ method: "POST", host, port: 443, path }, index)).toMatchObject({
      level: "full_trace",
      source: { type: "app", id: "cursor" },
    });
  });

  it.each([
    ["claude.exe", "claude-code"],
    ["opencode.exe", "opencode"],
    ["codex", "codex"],
  ])("an agent whose binary is %s is %s", (name, id) => {
    const process = { pid: 1, name, path: `/usr/lib/node_modules/x/bin/${name}` };
    const owner = { kind: "process", process, ancestors: [] } as const;
    expect(matchApp(owner, createAppIndex(bundle.apps, "linux"))?.id).toBe(id);
  });

  it("no signature is given to two apps", () => {
    for (const kind of ["bundleIds", "applicationIds", "scripts"] as const) {
      const names = bundle.apps.flatMap(({ signatures }) => [...new Set(signatures[kind])]);
      expect(names.length, kind).toBe(new Set(names).size);
    }
  });
});

describe("our own facts", () => {
  it("are all used, each with its source and the day it was read", () => {
    const { groups, rejected } = ownSupplement();
    expect(rejected).toEqual([]);
    expect(groups.length).toBeGreaterThan(10);
    for (const { source, date } of groups) {
      expect(source.length).toBeGreaterThan(5);
      expect(date).toMatch(/^20\d\d-\d\d-\d\d$/);
    }
  });

  it("have the shape that is documented", () => {
    const map = { type: "object" };
    const validate = new Ajv2020({ strict: false }).compile({
      type: "object",
      required: ["version", "facts"],
      properties: {
        facts: {
          type: "array",
          items: {
            type: "object",
            required: ["about", "source", "date"],
            additionalProperties: false,
            properties: {
              about: { type: "string" },
              source: { type: "string" },
              date: { type: "string" },
              correction: { type: "string" },
              domain_lookup: map,
              domain_removed: map,
              domain_patterns: { type: "array" },
              providers: map,
              parsers: map,
              models: map,
              registry: map,
            },
          },
        },
      },
    });
    validate(JSON.parse(readFileSync(SUPPLEMENT_LOCATION, "utf8")));
    expect(validate.errors).toBeNull();
  });

  const bundle = parseBundle({
    domain_lookup: { "api.example.com": "example", "localhost:8080": "example" },
    providers: {
      example: { name: "Example", api_format: "openai", api_endpoint: "https://api.example.com" },
    },
    models: { "example/m": { input_cost_per_1k: 1, output_cost_per_1k: 2 } },
    registry: {
      apps: {
        "their-chrome": {
          name: "Chrome",
          signatures: { macos: { bundle_id: "com.google.Chrome" }, linux: { exe: "chrome" } },
        },
        taken: { name: "Taken", signatures: { linux: { exe: "agent" } } },
      },
      websites: {
        site: {
          name: "Site",
          domains: ["a.example.com"],
          features: { chat: { patterns: [{ url: "**/old" }], parser: { request: { prompt: "theirs" } } } },
        },
      },
    },
  }).bundle;
  const over = (facts: object, correction?: string) =>
    withSupplement(
      bundle,
      parseSupplement({
        facts: [{ source: "a page", date: "2026-11-27", ...(correction && { correction }), ...facts }],
      }),
    );

  it("add what the bundle lacks, and say so", () => {
    const merged = over({ domain_lookup: { "new.example.com": "example" } });
    expect(merged.hosts.get("new.example.com")).toBe("example");
    expect(merged.facts?.get("host new.example.com")).toEqual({ source: "a page", date: "2026-11-27" });
  });

  it("take nothing from the bundle", () => {
    const merged = over({
      domain_lookup: { "api.example.com": "other" },
      domain_removed: { "localhost:8080": "example" },
      models: { "example/m": { input_cost_per_1k: 9 } },
      providers: { example: { name: "Ours", api_format: "anthropic" } },
    });
    expect(merged.hosts).toEqual(bundle.hosts);
    expect(merged.models).toEqual(bundle.models);
    expect(merged.providers).toEqual(bundle.providers);
    expect(merged.facts?.size).toBe(0);
  });

  it("win where they are marked as a correction, and only in what they say", () => {
    const facts = {
      domain_removed: { "localhost:8080": "example" },
      models: { "example/m": { input_cost_per_1k: 9 } },
    };
    const merged = over(facts, "the price page says otherwise");
    const other = over({ domain_removed: { "localhost:8080": "somebody-else" } }, "who names it means it");
    expect(other.hosts.has("localhost:8080")).toBe(true);
    expect(merged.hosts.has("localhost:8080")).toBe(false);
    expect(merged.models.get("example/m")).toMatchObject({ inputCostPer1k: 9, outputCostPer1k: 2 });
    expect(merged.facts?.get("model example/m")?.correction).toBe("the price page says otherwise");
  });

  it("add paths to a feature of the bundle, whose rules stay", () => {
    const chat = { patterns: [{ url: "**/new", method: "POST" }], parser: { request: { prompt: "ours" } } };
    const merged = over({ registry: { websites: { site: { name: "Ours", features: { chat } } } } });
    expect(merged.websites[0]).toMatchObject({
      name: "Site",
      hosts: ["a.example.com"],
      features: [
        {
          patterns: [{ url: "**/old" }, { url: "**/new", method: "POST" }],
          parser: { request: { prompt: "theirs" } },
        },
      ],
    });
  });

  it("know an app of another id by its bundle id, and leave signatures to whom the bundle gives them", () => {
    const merged = over({
      registry: {
        apps: {
          chrome: {
            name: "Google Chrome",
            signatures: {
              macos: { bundle_id: "com.google.Chrome" },
              linux: { exe: ["chrome", "google-chrome"] },
            },
          },
          mine: { name: "Mine", signatures: { linux: { exe: ["agent", "mine"] } } },
        },
      },
    });
    expect(merged.apps.map(({ id, signatures }) => [id, signatures.executables.linux])).toEqual([
      ["their-chrome", ["chrome", "google-chrome"]],
      ["taken", ["agent"]],
      ["mine", ["mine"]],
    ]);
  });

  it("are left out when they are not wanted", () => {
    const text = JSON.stringify({ domain_lookup: { "api.example.com": "example" } });
    expect([...readBundleText(text, "It", "none").bundle.hosts.keys()]).toEqual(["api.example.com"]);
    expect(readBundleText(text).bundle.hosts.size).toBeGreaterThan(10);
    expect(loadEmbedded("none").bundle.hosts.has("cloudcode-pa.googleapis.com")).toBe(false);
  });

  it("without source or date are no facts", () => {
    const { groups, rejected } = parseSupplement({
      facts: [{ domain_lookup: { "a.example.com": "x" } }, null],
    });
    expect(groups).toEqual([]);
    expect(rejected).toHaveLength(2);
  });
});
