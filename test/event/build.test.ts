import { expect, test } from "vitest";
import type { ClientContainer } from "../../src/connection/container.js";
import {
  buildConnectionEvent,
  buildEvent,
  type ConnectionInfo,
  type ExchangeInput,
} from "../../src/event/build.js";
import type { Body, Exchange } from "../../src/exchange/exchange.js";
import { CREDENTIALS } from "../credentials.js";
import { secretsIn } from "../secrets-in.js";
import { SAMPLE_INTERACTION, SAMPLE_METADATA } from "../sinks/sample-event.js";
import { validateEvent } from "./schema.js";

const START = Date.parse("2026-01-09T19:56:26.420Z");

const connection: ConnectionInfo = {
  id: 1,
  host: "api.openai.com",
  port: 443,
  peerPort: 54029,
  destination: { address: "162.159.140.245", port: 443 },
  scheme: "https",
};

function body(length: number, truncated = false): Body {
  return { head: Buffer.alloc(0), length, truncated };
}

const exchange: Exchange = {
  protocol: "h2",
  startedAt: START + 0.25,
  requestEndedAt: START + 2,
  responseStartedAt: START + 456.4,
  endedAt: START + 1234,
  request: {
    method: "POST",
    path: "/v1/chat/completions",
    authority: "api.openai.com",
    fields: [["authorization", `Bearer ${CREDENTIALS.openai}`]],
    trailers: [],
    body: body(210),
  },
  response: { status: 200, fields: [], trailers: [], body: body(512) },
};

const input: ExchangeInput = {
  exchange,
  connection,
  owner: {
    kind: "process",
    process: {
      pid: 4711,
      ppid: 4700,
      uid: 501,
      user: "ana",
      name: "Comet Helper",
      path: "/Applications/Comet.app/Helper",
      bundleId: "ai.perplexity.comet",
    },
    ancestors: [{ pid: 4700, name: "Comet" }],
  },
  app: { id: "comet", name: "Comet", vendor: "Perplexity AI", category: "browser", matchedBy: "bundle_id" },
  classification: {
    level: "full_trace",
    source: { type: "api", id: "openai", endpoint: null },
    provider: { id: "openai", name: "OpenAI", apiFormat: "openai" },
  },
  interaction: SAMPLE_INTERACTION,
  models: new Map([
    ["openai/gpt-4", { id: "gpt-4", provider: "openai", inputCostPer1k: 0.03, outputCostPer1k: 0.06 }],
  ]),
};

test("an exchange becomes the event of the documentation, with its fields in that order", () => {
  const event = buildEvent(input);
  validateEvent(event);
  const { event_id, ...rest } = event!;
  expect(event_id).toMatch(/^019ba454-e7b4-7/);
  expect(JSON.stringify(rest)).toBe(
    JSON.stringify({
      schema_version: 2,
      timestamp: "2026-01-09T19:56:26.420Z",
      source: { type: "api", id: "openai", endpoint: null },
      trace_level: "full",
      timing: { duration_ms: 1234, ttfb_ms: 456 },
      client: {
        pid: 4711,
        name: "Comet Helper",
        path: "/Applications/Comet.app/Helper",
        bundle_id: "ai.perplexity.comet",
        ppid: 4700,
        parent_name: "Comet",
        user: "ana",
        uid: 501,
        port: 54029,
      },
      app: {
        id: "comet",
        name: "Comet",
        vendor: "Perplexity AI",
        category: "browser",
        matched_by: "bundle_id",
      },
      interaction: { ...SAMPLE_INTERACTION, cost_usd: 0.00033 },
      metadata: SAMPLE_METADATA,
    }),
  );
});

test("the client's container is told", () => {
  const container: ClientContainer = {
    id: "a1".repeat(32),
    runtime: "docker",
    name: "shop-web-1",
    image: "node:20",
    compose: { project: "shop", service: "web" },
    devcontainer: "/home/ana/shop",
  };
  const process = { pid: 4711, name: "node", user: "node", uid: 1000, container };
  const event = buildEvent({ ...input, owner: { kind: "process", process, ancestors: [] } });
  validateEvent(event);
  expect(event?.client).toMatchObject({ user: "node", uid: 1000, container });
});

test("what is classified as drop leaves no event", () => {
  expect(buildEvent({ ...input, classification: { level: "drop" } })).toBeUndefined();
});

test("an identifiable exchange says why and holds nothing of the content", () => {
  const event = buildEvent({
    ...input,
    owner: { kind: "unknown", reason: "timeout", uid: 1000 },
    app: undefined,
    classification: {
      level: "identifiable",
      source: { type: "website", id: "chatgpt", endpoint: null },
      reason: "path_unknown",
    },
  });
  validateEvent(event);
  expect(event).toMatchObject({
    trace_level: "identifiable",
    client: { unknown: "timeout", uid: 1000, port: 54029 },
    metadata: { reason: "path_unknown" },
  });
  expect(event).not.toHaveProperty("interaction");
  expect(event).not.toHaveProperty("app");
});

test("an exchange of a known format that could not be read is identifiable", () => {
  const event = buildEvent({ ...input, interaction: undefined });
  validateEvent(event);
  expect(event).toMatchObject({ trace_level: "identifiable", metadata: { reason: "unknown_format" } });
});

test("an aborted exchange keeps what was seen, with the error", () => {
  const event = buildEvent({
    ...input,
    exchange: {
      ...exchange,
      responseStartedAt: undefined,
      response: undefined,
      error: "client_aborted",
      request: { ...exchange.request, body: body(9_000_000, true) },
    },
  });
  validateEvent(event);
  expect(event?.timing).toEqual({ duration_ms: 1234 });
  expect(event?.metadata).toMatchObject({
    request_length: 9_000_000,
    truncated: true,
    error: "client_aborted",
  });
  expect(event?.metadata).not.toHaveProperty("response_status");
});

test("a websocket counts its messages and their bytes", () => {
  const message = { time: START, kind: "text", truncated: false } as const;
  const event = buildEvent({
    ...input,
    exchange: {
      ...exchange,
      protocol: "websocket",
      messages: [
        { ...message, direction: "request", data: Buffer.from("four") },
        { ...message, direction: "response", data: Buffer.from("twelve bytes") },
        { ...message, direction: "response", data: Buffer.from("two more") },
      ],
    },
  });
  validateEvent(event);
  expect(event?.metadata).toMatchObject({
    protocol: "websocket",
    messages: 3,
    request_length: 4,
    content_length: 20,
  });
});

test.each([
  ["nothing", {}, {}, undefined],
  ["the request", { api_key: "abcdefgh-0123456789-klmnop" }, {}, ["request"]],
  ["the response", {}, { password: "correct-horse-battery" }, ["response"]],
])("a credential in %s is a finding", (_, request, response, where) => {
  const raw = { request, response };
  const event = buildEvent({ ...input, raw });
  expect(event?.findings?.map((finding) => finding.where)).toEqual(where);
  expect(event?.findings?.every(({ rule }) => rule === "credential") ?? true).toBe(true);
  validateEvent(event);
});

test("decoded bodies stand in _raw, without credentials", () => {
  const event = buildEvent({
    ...input,
    raw: { request: { model: "gpt-4", api_key: "abcdefghijklmnopqrstuvwxyz" }, response: ["data", { a: 1 }] },
  });
  validateEvent(event);
  expect(event?.interaction?.request._raw).toEqual({ model: "gpt-4", api_key: "abcdefgh…REDACTED" });
  expect(event?.interaction?.response?._raw).toEqual(["data", { a: 1 }]);
});

test("a credential that is spread over the chunks of a stream takes them out of the event", () => {
  const key = CREDENTIALS.openai;
  const chunks = [...key].map((char) => ({ data: { choices: [{ delta: { content: char } }] } }));
  const event = buildEvent({
    ...input,
    interaction: { ...input.interaction!, response: { content: `Your key is ${key}.` } },
    raw: { response: chunks },
  });
  validateEvent(event);
  expect(event?.interaction?.response).toEqual({ content: "Your key is sk-proj-…REDACTED." });
  expect(event?.metadata.raw_withheld).toBe(true);
});

test.each([
  ["API.OpenAI.com:443", "https", "api.openai.com"],
  ["localhost:11434", "http", "localhost:11434"],
  ["user:pass@api.openai.com", "https", "api.openai.com"],
  [undefined, "https", "api.openai.com"],
] as const)("the authority %s of an %s request is the host %s", (authority, scheme, host) => {
  const event = buildEvent({
    ...input,
    connection: { ...connection, scheme },
    exchange: { ...exchange, request: { ...exchange.request, authority } },
  });
  expect(event?.metadata.request_host).toBe(host);
});

test("a passed-through connection leaves its host, bytes, time and reason", () => {
  const event = buildConnectionEvent({
    connection: { ...connection, host: "::1", port: 8443 },
    owner: input.owner,
    source: { type: "api", id: "openai", endpoint: null },
    reason: "runtime_does_not_trust",
    startedAt: START,
    endedAt: START + 1500.4,
    bytesUp: 10,
    bytesDown: 20,
  });
  validateEvent(event);
  expect(event.timing).toEqual({ duration_ms: 1500 });
  expect(event.metadata).toEqual({
    request_host: "[::1]:8443",
    bytes_up: 10,
    bytes_down: 20,
    reason: "runtime_does_not_trust",
  });
});

test("no credential of headers, query, bodies or streams is in the event", () => {
  const { anthropic, google, jwt, password } = CREDENTIALS;
  const event = buildEvent({
    ...input,
    exchange: {
      ...exchange,
      request: {
        ...exchange.request,
        path: `/v1/models?key=${google}&password=${password}`,
        fields: [["x-api-key", anthropic]],
      },
    },
    interaction: {
      ...input.interaction!,
      request: {
        messages: [{ role: "user", content: `use ${anthropic} or Bearer ${jwt}` }],
        api_key: password,
      },
      response: { content: "ok", tool_calls: [{ name: "login", arguments: { password, nested: [google] } }] },
    },
    raw: {
      request: { text: JSON.stringify({ env: `ANTHROPIC_API_KEY=${anthropic}\nTOKEN=${jwt}` }), password },
      response: { arguments: JSON.stringify({ google }) },
    },
  });
  validateEvent(event);
  expect(secretsIn(JSON.stringify(event), [anthropic, google, jwt, password])).toEqual([]);
});
