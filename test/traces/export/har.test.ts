import { har as validate } from "har-validator";
import { expect, test } from "vitest";
import type { OximyEvent } from "../../../src/event/event.js";
import { rawOf } from "../../../src/interaction/decode.js";
import { type HarEntry, harAround, harEntry } from "../../../src/traces/export/har.js";
import { decodedOf, loadTranscripts, type Transcript } from "../../interaction/transcripts.js";
import { SAMPLE_INTERACTION, SAMPLE_METADATA, sampleEvent } from "../../sinks/sample-event.js";

const body = { model: "gpt-4", messages: [{ role: "user", content: "Hello" }] };
const withBodies = sampleEvent({
  interaction: {
    ...SAMPLE_INTERACTION,
    request: { ...SAMPLE_INTERACTION.request, _raw: body },
    response: { ...SAMPLE_INTERACTION.response, _raw: [{ delta: "Hi" }, { delta: " there!" }] },
  },
  metadata: { ...SAMPLE_METADATA, request_path: "/v1/chat/completions?key=REDACTED&alt=REDACTED" },
});

const aTurn = sampleEvent({
  interaction: {
    ...SAMPLE_INTERACTION,
    request: { ...SAMPLE_INTERACTION.request, _raw: [{ type: "response.create" }] },
    response: { ...SAMPLE_INTERACTION.response, _raw: [{ delta: "Hi" }, { type: "response.completed" }] },
  },
  metadata: {
    ...SAMPLE_METADATA,
    request_method: "GET",
    request_path: "/v1/responses",
    response_status: 101,
    protocol: "websocket",
    messages: 3,
  },
});

function archive(...events: OximyEvent[]): { log: { entries: Array<Record<string, never>> } } {
  const [before, after] = harAround("0.1.0");
  const entries = events.map(harEntry).filter((entry) => entry !== undefined);
  return JSON.parse(`${before}${entries.map((entry) => JSON.stringify(entry)).join(",")}${after}`);
}

test.each<[string, OximyEvent[]]>([
  ["no event", []],
  ["an event", [sampleEvent()]],
  ["bodies", [withBodies]],
  [
    "a call that failed",
    [sampleEvent({ metadata: { ...SAMPLE_METADATA, response_status: 503 }, timing: { duration_ms: 3 } })],
  ],
  [
    "a call without an answer",
    [
      sampleEvent({
        metadata: { request_method: "POST", request_host: "h", request_path: "/", error: "e" },
        timing: {},
      }),
    ],
  ],
  ["a turn of a WebSocket", [aTurn]],
  ["a WebSocket over loopback", [sampleEvent({ metadata: { ...aTurn.metadata, via: "plain" } })]],
  [
    "a local model",
    [sampleEvent({ metadata: { ...SAMPLE_METADATA, request_host: "127.0.0.1:11434", via: "plain" } })],
  ],
  [
    "an IPv6 address",
    [sampleEvent({ metadata: { ...SAMPLE_METADATA, request_host: "[::1]:11434", via: "plain" } })],
  ],
  ["what is no host", [sampleEvent({ metadata: { ...SAMPLE_METADATA, request_host: "a b<>" } })]],
  [
    "OPTIONS *",
    [sampleEvent({ metadata: { ...SAMPLE_METADATA, request_method: "OPTIONS", request_path: "*" } })],
  ],
])("an archive of %s is one by the schema of HAR 1.2", async (_, events) => {
  await expect(validate(archive(...events))).resolves.toBeDefined();
  expect(archive(...events).log.entries).toHaveLength(events.length);
});

test("an entry says what the event says", () => {
  const [entry] = archive(withBodies).log.entries;
  expect(entry).toMatchObject({
    startedDateTime: "2026-01-09T19:56:26.420Z",
    time: 1234,
    timings: { send: 0, wait: 456, receive: 778 },
    request: {
      method: "POST",
      url: "https://api.openai.com/v1/chat/completions?key=REDACTED&alt=REDACTED",
      httpVersion: "HTTP/2.0",
      queryString: [
        { name: "key", value: "REDACTED" },
        { name: "alt", value: "REDACTED" },
      ],
      postData: { mimeType: "application/json", text: JSON.stringify(body) },
      bodySize: 210,
    },
    response: {
      status: 200,
      content: { mimeType: "application/json", text: '[{"delta":"Hi"},{"delta":" there!"}]' },
      bodySize: 512,
    },
    comment: "gpt-4; 5 tokens in, 3 out; the response was a stream, given as a list of its chunks",
    _app: "node",
  });
});

test("a turn of a WebSocket has its messages where browsers have them, and no body", () => {
  const [entry] = archive(aTurn).log.entries;
  const begun = Date.parse("2026-01-09T19:56:26.420Z");
  expect(entry).toMatchObject({
    request: { method: "GET", url: "wss://api.openai.com/v1/responses" },
    response: { status: 101, content: { size: 512, mimeType: "x-unknown" } },
    comment: "gpt-4; 5 tokens in, 3 out; a turn of a WebSocket",
    _resourceType: "websocket",
    _webSocketMessages: [
      { type: "send", time: begun / 1_000, opcode: 1, data: '{"type":"response.create"}' },
      { type: "receive", time: (begun + 456) / 1_000, opcode: 1, data: '{"delta":"Hi"}' },
      { type: "receive", time: (begun + 456) / 1_000, opcode: 1, data: '{"type":"response.completed"}' },
    ],
  });
  expect(entry!.request).not.toHaveProperty("postData");
});

/** What is made of a recorded exchange, with its bodies. */
function recorded(transcript: Transcript): OximyEvent {
  const { requestBody, responseBody, path, method, status } = decodedOf(transcript);
  const { expected, host, messages } = transcript;
  return sampleEvent({
    interaction: {
      ...expected,
      request: { ...expected.request, _raw: rawOf(requestBody) },
      ...(expected.response && { response: { ...expected.response, _raw: rawOf(responseBody) } }),
    },
    metadata: {
      ...{ request_method: method, request_host: host, request_path: path, response_status: status },
      protocol: messages ? "websocket" : "http/1.1",
    },
  });
}

// What HTTP Toolkit does with an archive (httptoolkit-ui, src/model/http/har.ts): this very validator, then these.
test("all recorded exchanges are an archive that HTTP Toolkit takes, in which nothing was aborted", async () => {
  const events = loadTranscripts().map(recorded);
  const { entries } = archive(...events).log as { entries: unknown[] };
  await expect(validate(archive(...events))).resolves.toBeDefined();
  expect(entries).toHaveLength(events.length);
  for (const entry of entries as HarEntry[]) {
    const { request, response, _resourceType, _webSocketMessages = [], _webSocketClose } = entry;
    expect(new URL(request.url).hostname).not.toBe("");
    expect(Number.isNaN(Date.parse(entry.startedDateTime))).toBe(false);
    expect(response.status).toBeGreaterThan(0);
    if (_resourceType !== "websocket") continue;
    expect(response.status).toBe(101);
    expect(_webSocketMessages.length).toBeGreaterThan(0);
    expect(_webSocketClose).toEqual({ code: 1005 });
  }
});

test("a WebSocket that broke off is one that was aborted", () => {
  const broken = sampleEvent({ ...aTurn, metadata: { ...aTurn.metadata, error: "client_aborted" } });
  expect(archive(broken).log.entries[0]).not.toHaveProperty("_webSocketClose");
});

test("a connection that was not read is none of HTTP's", () => {
  const passed = sampleEvent({
    interaction: undefined,
    metadata: { request_host: "api.openai.com", bytes_up: 1 },
  });
  expect(harEntry(passed)).toBeUndefined();
});
