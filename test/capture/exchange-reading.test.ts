import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { eventOfExchange } from "../../src/capture/exchange-reading.js";
import type { Exchange } from "../../src/exchange/exchange.js";
import { createHostIndex } from "../../src/oisp/host-index.js";
import { readBundleText } from "../../src/oisp/parse.js";
import { CREDENTIALS } from "../credentials.js";
import { validateEvent } from "../event/schema.js";
import { wholeBody } from "../interaction/exchanges.js";
import { connection } from "./rig.js";

const { bundle } = readBundleText(
  readFileSync(new URL("../../data/oisp-bundle.json", import.meta.url), "utf8"),
);
const index = createHostIndex(bundle);
const info = connection(1, { host: "generativelanguage.googleapis.com" });
const CALL = "/google.ai.generativelanguage.v1beta.GenerativeService/StreamGenerateContent";
const KEY = CREDENTIALS.openai;

/** Field 1 as text (protobuf.dev/programming-guides/encoding), in the envelope of gRPC. */
function message(text: string): Buffer {
  const bytes = Buffer.concat([Buffer.from([0x0a, text.length]), Buffer.from(text)]);
  return Buffer.concat([Buffer.from([0, 0, 0, 0, bytes.length]), bytes]);
}

function grpcCall(path: string, question: string, answers: readonly string[]): Exchange {
  const fields = [["content-type", "application/grpc"]] as const;
  return {
    protocol: "h2",
    startedAt: 0,
    endedAt: 1,
    request: { method: "POST", path, fields, trailers: [], body: wholeBody(message(question)) },
    response: {
      status: 200,
      fields,
      trailers: [],
      body: wholeBody(Buffer.concat(answers.map(message))),
    },
  };
}

function eventOf(exchange: Exchange, includeRaw = true) {
  const event = eventOfExchange(info, exchange, index, { includeRaw, allHosts: false });
  validateEvent(event);
  return event!;
}

describe("a call in gRPC, which no format reads", () => {
  test("is identifiable, with the structure of its messages", () => {
    expect(eventOf(grpcCall(CALL, "Why?", ["Be", "cause"]))).toMatchObject({
      source: { type: "api", id: "google" },
      trace_level: "identifiable",
      structure: { request: [{ 1: "Why?" }], response: [{ 1: "Be" }, { 1: "cause" }] },
      metadata: { reason: "unknown_format", request_path: CALL },
    });
  });

  test("leaves its metadata alone when bodies are not asked for", () => {
    expect(eventOf(grpcCall(CALL, "Why?", ["Because"]), false)).not.toHaveProperty("structure");
  });

  test("leaves its metadata alone when it is no call of a model", () => {
    expect(eventOf(grpcCall("/telemetry.Collector/Export", "Why?", ["ok"]))).not.toHaveProperty("structure");
  });

  test("holds no credential, whole or spelled out over several messages", () => {
    const whole = eventOf(grpcCall(CALL, `My key is ${KEY}`, ["Keep it."]));
    expect(whole).toMatchObject({
      structure: { request: [{ 1: "My key is sk-proj-…REDACTED" }], response: [{ 1: "Keep it." }] },
    });
    const spelled = eventOf(grpcCall(CALL, "Say it", [KEY.slice(0, 14), KEY.slice(14, 28), KEY.slice(28)]));
    expect(spelled).toMatchObject({ metadata: { raw_withheld: true } });
    expect(spelled).not.toHaveProperty("structure");
  });
});
