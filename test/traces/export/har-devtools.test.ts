import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EventMetadata, OximyEvent } from "../../../src/event/event.js";
import { harAround, harEntry } from "../../../src/traces/export/har.js";
import { SAMPLE_INTERACTION, SAMPLE_METADATA, sampleEvent } from "../../sinks/sample-event.js";
import { Chromium } from "../../ui/chromium.js";

/** What "Import HAR" makes of an entry, by the very code of the developer tools. */
interface Imported {
  readonly url: string;
  readonly kind: string;
  readonly status: number;
  readonly protocol: string;
  readonly seconds: number;
  readonly sent: string | null;
  readonly received: string;
  readonly bytes: number;
  readonly failure: string | null;
  readonly messages: readonly string[];
}

const IMPORT = `async (text) => {
  const { HARFormat, Importer } = await import(location.href);
  const { log } = new HARFormat.HARRoot(JSON.parse(text));
  return Promise.all(Importer.Importer.requestsFromHARLog(log).map(async (request, index) => ({
    url: request.url(),
    kind: request.resourceType().name(),
    status: request.statusCode,
    protocol: request.protocol,
    seconds: request.duration,
    sent: await request.requestFormData(),
    received: (await request.requestContentData()).text,
    bytes: request.transferSize,
    failure: log.entries[index].response.customAsString("error") ?? null,
    messages: request.frames().map(({ type, text }) => type + " " + text),
  })));
}`;

const withRaw = (request: unknown, response: unknown, metadata: Partial<EventMetadata> = {}) =>
  sampleEvent({
    interaction: {
      ...SAMPLE_INTERACTION,
      request: { ...SAMPLE_INTERACTION.request, _raw: request },
      response: { ...SAMPLE_INTERACTION.response, _raw: response },
    },
    metadata: { ...SAMPLE_METADATA, ...metadata },
  });
const WEBSOCKET = { request_method: "GET", request_path: "/v1/responses", protocol: "websocket" };
const unread = sampleEvent({
  interaction: undefined,
  metadata: { request_host: "api.openai.com", bytes_up: 1, reason: "host_unknown" },
});

describe.skipIf(!existsSync("/usr/bin/chromium"))("the import of Chromium's developer tools", () => {
  let chromium: Chromium;
  beforeAll(async () => {
    chromium = await Chromium.start();
    await chromium.open(`${chromium.developerTools}/models/har/har.js`);
    await chromium.until(`document.readyState === "complete" && location.protocol === "http:"`);
  }, 90_000);
  afterAll(() => chromium?.close());

  async function imported(...events: OximyEvent[]): Promise<Imported[]> {
    const [before, after] = harAround("0.1.0");
    const entries = events.map(harEntry).filter((entry) => entry !== undefined);
    const text = `${before}${entries.map((entry) => JSON.stringify(entry)).join(",")}${after}`;
    return chromium.evaluate(`(${IMPORT})(${JSON.stringify(text)})`);
  }

  it.each<[string, OximyEvent, Partial<Imported>]>([
    [
      "a stream",
      withRaw({ model: "gpt-4" }, [{ delta: "Hi" }, { delta: "!" }]),
      {
        url: "https://api.openai.com/v1/chat/completions",
        kind: "fetch",
        status: 200,
        protocol: "h2",
        sent: '{"model":"gpt-4"}',
        received: '[{"delta":"Hi"},{"delta":"!"}]',
        bytes: 512,
        failure: null,
      },
    ],
    [
      "a turn of a WebSocket",
      withRaw([{ type: "response.create" }], [{ delta: "Hi" }], { ...WEBSOCKET, response_status: 101 }),
      {
        url: "wss://api.openai.com/v1/responses",
        kind: "websocket",
        status: 101,
        sent: null,
        messages: ['send {"type":"response.create"}', 'receive {"delta":"Hi"}'],
      },
    ],
    [
      "the end of a WebSocket",
      sampleEvent({ interaction: undefined, metadata: { ...SAMPLE_METADATA, ...WEBSOCKET } }),
      { kind: "websocket", messages: [] },
    ],
    ["a body that is text", withRaw("a\0b", "\ud800 half"), { sent: "a\0b", received: "\ud800 half" }],
    [
      "bodies that were not kept, as those in binary",
      sampleEvent({ interaction: undefined }),
      { sent: null, received: "", bytes: 512 },
    ],
    [
      "a call that was aborted",
      sampleEvent({
        interaction: undefined,
        timing: {},
        metadata: { request_method: "POST", request_host: "h", request_path: "/", error: "client_aborted" },
      }),
      { url: "https://h/", status: 0, seconds: 0, received: "", failure: "client_aborted" },
    ],
    ["a call that failed", withRaw({}, { error: {} }, { response_status: 529 }), { status: 529 }],
    [
      "OPTIONS *",
      withRaw(undefined, undefined, { request_method: "OPTIONS", request_path: "*" }),
      { url: "https://api.openai.com/*" },
    ],
  ])("takes %s", async (_what, event, expected) => {
    expect(await imported(event)).toEqual([expect.objectContaining(expected)]);
  });

  it("takes an archive without entries, and one where a connection was not read", async () => {
    expect(await imported()).toEqual([]);
    expect(await imported(unread)).toEqual([]);
    expect(await imported(sampleEvent(), unread, sampleEvent())).toHaveLength(2);
  });
});
