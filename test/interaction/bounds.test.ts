import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { connection } from "../../bench/sample-connection.js";
import { Pipeline } from "../../src/capture/pipeline.js";
import type { OximyEvent } from "../../src/event/event.js";
import { DEFAULT_LIMITS } from "../../src/exchange/exchange.js";
import { anthropicMessages } from "../../src/interaction/formats/anthropic-messages.js";
import { cohereChat } from "../../src/interaction/formats/cohere.js";
import { gemini } from "../../src/interaction/formats/gemini.js";
import { geminiInteractions } from "../../src/interaction/formats/gemini-interactions.js";
import { ollamaChat } from "../../src/interaction/formats/ollama.js";
import { openaiResponses } from "../../src/interaction/formats/openai-responses.js";
import { perplexityWeb } from "../../src/interaction/formats/perplexity-web.js";
import type { WireFormat } from "../../src/interaction/formats/wire-format.js";
import type { StreamChunk } from "../../src/interaction/interaction.js";
import { loadEmbedded } from "../../src/oisp/load.js";

const { bundle } = loadEmbedded();
const QUESTION = JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: "Hello" }] });

function http(start: string, fields: string, body: Buffer): Buffer {
  const head = `${start}\r\nHost: api.openai.com\r\n${fields}Content-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** The event of an exchange that is answered with these bytes. */
function answeredWith(fields: string, body: Buffer): OximyEvent {
  const events: OximyEvent[] = [];
  const onEvent = (event: OximyEvent) => void events.push(event);
  const pipeline = new Pipeline({
    bundle,
    limits: DEFAULT_LIMITS,
    includeRaw: true,
    allHosts: false,
    onEvent,
  });
  pipeline.open({ ...connection, id: 1 });
  const post = "POST /v1/chat/completions HTTP/1.1";
  pipeline.push(1, "request", http(post, "Content-Type: application/json\r\n", Buffer.from(QUESTION)), 1);
  pipeline.push(1, "response", http("HTTP/1.1 200 OK", fields, body), 2);
  pipeline.close(1, "ended", 3);
  expect(events).toHaveLength(1);
  return events[0]!;
}

const JSON_TYPE = "Content-Type: application/json\r\n";
const repeated = (text: string, bytes: number) => Buffer.from(text.repeat(bytes / text.length));

describe("what a body unpacks or takes apart to is bounded, and said to be cut", () => {
  test.each([
    ["gzip of 33 MB of {},", `${JSON_TYPE}Content-Encoding: gzip\r\n`, gzipSync(repeated("{},", 33e6))],
    [
      "gzip of a list of objects",
      `${JSON_TYPE}Content-Encoding: gzip\r\n`,
      gzipSync(Buffer.from(`[${"{},".repeat(11e6)}{}]`)),
    ],
    [
      "gzip within gzip within gzip",
      `${JSON_TYPE}Content-Encoding: gzip, gzip, gzip\r\n`,
      gzipSync(gzipSync(gzipSync(repeated("a", 25e6)))),
    ],
    [
      "gzip within gzip",
      `${JSON_TYPE}Content-Encoding: gzip, gzip\r\n`,
      gzipSync(gzipSync(repeated("{},", 25e6))),
    ],
    ["8 MB of {},", JSON_TYPE, repeated("{},", 8e6)],
    ["8 MB of empty events", "Content-Type: text/event-stream\r\n", repeated("data:1\n\n", 8e6)],
    ["four hundred thousand empty messages", "Content-Type: application/grpc\r\n", Buffer.alloc(2e6)],
  ])("%s", (_, fields, body) => {
    const event = answeredWith(fields, body);
    expect(JSON.stringify(event).length).toBeLessThan(9e6);
    expect(event.metadata.truncated).toBe(true);
  });
});

/** Each chunk begins something of its own: an assembly that looked through all of it for each would take minutes. */
describe("a stream costs what its length is, whatever its chunks begin", () => {
  const GROWING: Readonly<Record<string, (at: number) => object>> = {
    "tool calls by index": (at) => ({
      choices: [{ delta: { tool_calls: [{ index: at, function: { arguments: "{" } }] } }],
    }),
    "tool calls by id": (at) => ({
      choices: [{ delta: { tool_calls: [{ id: `c${at}`, function: { arguments: "{" } }] } }],
    }),
    "parts by index": (at) => ({
      choices: [{ delta: { content: [{ type: "text", index: at, text: "a" }] } }],
    }),
    choices: (at) => ({ choices: [{ index: at, delta: { content: "a" } }] }),
    "names of members": (at) => ({ [`name ${at}`]: 1, choices: [{ delta: { content: "a" } }] }),
    "names of counts": (at) => ({ choices: [], usage: { [`name ${at}`]: 1 } }),
  };
  test.each(Object.entries(GROWING))("%s", (_, chunk) => {
    const lines = Array.from({ length: 60_000 }, (_, at) => `data:${JSON.stringify(chunk(at))}\n\n`);
    const body = Buffer.from(lines.join("").slice(0, DEFAULT_LIMITS.maxBody));
    const event = answeredWith("Content-Type: text/event-stream\r\n", body);
    expect(event.trace_level).toBe("full");
  });

  const KINDS: readonly (readonly [string, WireFormat, (at: number) => object])[] = [
    [
      "citations of a block",
      anthropicMessages,
      (at) => ({
        type: "content_block_delta",
        index: 0,
        delta: { type: "citations_delta", citation: { at } },
      }),
    ],
    [
      "members of a message",
      anthropicMessages,
      (at) => ({ type: "message_delta", delta: { [`name ${at}`]: 1 }, usage: { [`name ${at}`]: 1 } }),
    ],
    [
      "items by id",
      openaiResponses,
      (at) => ({ type: "response.output_text.delta", item_id: `m${at}`, delta: "a" }),
    ],
    [
      "parts of an item",
      openaiResponses,
      (at) => ({ type: "response.output_text.delta", output_index: 0, content_index: at, delta: "a" }),
    ],
    [
      "members of a response",
      openaiResponses,
      (at) => ({ type: "response.in_progress", response: { [`name ${at}`]: 1 } }),
    ],
    ["members of a candidate", gemini, (at) => ({ candidates: [{ index: 0, [`name ${at}`]: 1 }] })],
    [
      "contents of a step",
      geminiInteractions,
      (at) => ({ event_type: "content.delta", delta: { type: "image", at } }),
    ],
    [
      "citations of an answer",
      cohereChat,
      (at) => ({ type: "citation-start", delta: { message: { citations: { at } } } }),
    ],
    [
      "calls of an answer",
      ollamaChat,
      (at) => ({ message: { tool_calls: [{ function: { name: `n${at}` } }] } }),
    ],
    [
      "chunks that go on",
      perplexityWeb,
      (at) => ({
        blocks: [
          {
            intended_usage: "ask_text_markdown",
            markdown_block: { chunks: ["a"], chunk_starting_offset: at },
          },
        ],
      }),
    ],
  ];
  test.each(KINDS)("%s", (_, { assemble }, chunk) => {
    const chunks = Array.from({ length: 50_000 }, (_, at) => ({ at, data: chunk(at) }));
    expect(assemble!(chunks as unknown as StreamChunk[], undefined)).toBeTypeOf("object");
  });
});

test("a body with as much in it as an answer of embeddings has is read whole", () => {
  const data = Array.from({ length: 200 }, (_, index) => ({ index, embedding: Array(1536).fill(0.012345) }));
  const body = Buffer.from(JSON.stringify({ object: "list", data }));
  const event = answeredWith(
    `${JSON_TYPE}Content-Encoding: gzip\r\n`,
    gzipSync(Buffer.from(JSON.stringify({ choices: [] }))),
  );
  expect(event.metadata.truncated).toBeUndefined();
  expect(answeredWith(JSON_TYPE, body).metadata.truncated).toBeUndefined();
});

test("an exchange beside a bomb leaves its event as ever", () => {
  answeredWith(`${JSON_TYPE}Content-Encoding: gzip\r\n`, gzipSync(repeated("{},", 33e6)));
  const answer = { choices: [{ message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }] };
  const event = answeredWith(JSON_TYPE, Buffer.from(JSON.stringify(answer)));
  expect(event.interaction?.response?.content).toBe("Hi");
});
