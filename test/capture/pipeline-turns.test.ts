import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Pipeline } from "../../src/capture/pipeline.js";
import type { Connection } from "../../src/connection/connection.js";
import type { OximyEvent } from "../../src/event/event.js";
import { DEFAULT_LIMITS } from "../../src/exchange/exchange.js";
import { readBundleText } from "../../src/oisp/parse.js";
import { validateEvent } from "../event/schema.js";

const { bundle } = readBundleText(
  readFileSync(new URL("../../data/oisp-bundle.json", import.meta.url), "utf8"),
);

const INFO: Connection = {
  id: 1,
  acceptedAt: 1_000,
  host: "api.openai.com",
  port: 443,
  scheme: "https",
  peer: { address: "203.0.113.1", port: 40_000 },
  destination: { address: "203.0.113.10", port: 443 },
  owner: { kind: "unknown", reason: "client_gone" },
};

/** A text frame (RFC 6455 §5.2), masked as clients must. */
function frame(text: string, masked: boolean): Buffer {
  const payload = Buffer.from(text);
  const length = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 255];
  if (!masked) return Buffer.concat([Buffer.from([0x81, ...length]), payload]);
  return Buffer.concat([Buffer.from([0x81, 0x80 | length[0]!, ...length.slice(1), 0, 0, 0, 0]), payload]);
}

function openSocket() {
  const events: OximyEvent[] = [];
  const pipeline = new Pipeline({
    bundle,
    limits: DEFAULT_LIMITS,
    includeRaw: true,
    allHosts: false,
    onEvent: (event) => events.push(event),
  });
  let time = 1_000;
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const client = (bytes: Buffer) => pipeline.push(1, "request", bytes, time++);
  const server = (bytes: Buffer) => pipeline.push(1, "response", bytes, time++);
  pipeline.open(INFO);
  client(
    Buffer.from(
      `GET /v1/responses HTTP/1.1\r\nHost: api.openai.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    ),
  );
  server(
    Buffer.from(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    ),
  );
  const ask = (question: string, more = {}) =>
    client(
      frame(JSON.stringify({ type: "response.create", model: "gpt-5", input: question, ...more }), true),
    );
  const answer = (text: string) => {
    const output = [{ type: "message", role: "assistant", content: [{ type: "output_text", text }] }];
    const response = { id: "resp_1", object: "response", model: "gpt-5", status: "completed", output };
    server(frame(JSON.stringify({ type: "response.output_text.delta", delta: text }), false));
    server(frame(JSON.stringify({ type: "response.completed", response }), false));
  };
  return { pipeline, events, ask, answer, close: () => pipeline.close(1, "ended", time++) };
}

describe("a WebSocket dialogue", () => {
  it("does not count what is only made ready as a turn of the conversation", () => {
    const { events, ask, answer } = openSocket();
    ask("", { generate: false });
    answer("");
    ask("First?");
    answer("One.");
    expect(events.map(({ conversation }) => conversation?.turn)).toEqual([undefined, 1]);
  });

  it("leaves an event at each turn while it lives, and one at its end", () => {
    const { events, ask, answer, close } = openSocket();
    ask("First?");
    expect(events).toHaveLength(0);
    answer("One.");
    expect(events).toHaveLength(1);
    ask("Second?");
    answer("Two.");
    expect(events.map((event) => event.interaction?.response?.content)).toEqual(["One.", "Two."]);
    close();
    expect(events).toHaveLength(3);
    expect(events[2]).toMatchObject({
      trace_level: "identifiable",
      metadata: { reason: "websocket_closed" },
    });
    for (const event of events) validateEvent(event);
    expect(events[0]).toMatchObject({
      trace_level: "full",
      interaction: { model: "gpt-5" },
      metadata: { protocol: "websocket", response_status: 101, messages: 3 },
    });
    expect(events[1]?.metadata.messages).toBe(3);
  });

  it("leaves an event of a question that got no answer", () => {
    const { events, ask, close } = openSocket();
    ask("Anybody?");
    close();
    expect(events).toHaveLength(2);
    expect(events[0]).toMatchObject({ interaction: { request: {} } });
  });
});
