import { type IncomingMessage, request } from "node:http";
import { connect } from "node:http2";
import { buffer, json, text } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AiServer, type ReceivedRequest, startAiServer } from "../../lab/ai-server.js";
import { LabAuthority } from "../../lab/certificates.js";

const hello = { role: "user", content: "Hello" } as const;

describe("the built-in AI server", () => {
  let server: AiServer;
  let requests: ReceivedRequest[];
  let base: string;

  beforeEach(async () => {
    requests = [];
    server = await startAiServer({
      host: "127.0.0.1",
      port: 0,
      eventInterval: 0,
      contentEncoding: "gzip",
      log: (request) => requests.push(request),
    });
    base = `http://127.0.0.1:${server.port}`;
  });
  afterEach(() => server.close());

  it("answers the OpenAI SDK, plain", async () => {
    const client = new OpenAI({ apiKey: "none", baseURL: `${base}/v1` });
    const completion = await client.chat.completions.create({ model: "gpt-4", messages: [hello] });
    expect(completion.choices[0]?.message.content).toBe("Hi there!");
    expect(completion.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 });
  });

  it("answers the OpenAI SDK with a stream that ends with usage when asked", async () => {
    const client = new OpenAI({ apiKey: "none", baseURL: `${base}/v1` });
    const stream = await client.chat.completions.create({
      model: "gpt-4",
      messages: [hello],
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe("Hi there!");
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 3 } });
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
  });

  it("answers the Anthropic SDK, plain and streamed, with the same message", async () => {
    const client = new Anthropic({ apiKey: "none", baseURL: base });
    const params = { model: "claude-test", max_tokens: 10, messages: [hello] };
    const plain = await client.messages.create(params);
    const streamed = await client.messages.stream(params).finalMessage();
    for (const message of [plain, streamed]) {
      expect(message.content).toMatchObject([{ type: "text", text: "Hi there!" }]);
      expect(message.usage).toMatchObject({ input_tokens: 5, output_tokens: 3 });
      expect(message.stop_reason).toBe("end_turn");
    }
  });

  it("answers a missing field, a body that is no JSON and an unknown path as the providers do", async () => {
    const error = async (path: string, body: string) => json(await post(path, body));
    expect(await error("/v1/messages", "{}")).toMatchObject({
      type: "error",
      error: { type: "invalid_request_error" },
    });
    expect(await error("/v1/chat/completions", "no json")).toMatchObject({
      error: { param: null, code: null },
    });
    expect((await fetch(`${base}/v1/nothing`)).status).toBe(404);
  });

  it("compresses when told to and the client accepts it", async () => {
    const body = JSON.stringify({ model: "m", stream: true, messages: [hello] });
    const response = await post("/v1/chat/completions", body, { "accept-encoding": "gzip" });
    expect(response.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(await buffer(response)).toString()).toMatch(/data: \[DONE\]\n\n$/);
  });

  it("logs what it received, with the case and order of the headers", async () => {
    await post("/v1/chat/completions?a=b", "x", { "X-Odd-Case": "1" });
    expect(requests).toMatchObject([
      { method: "POST", url: "/v1/chat/completions?a=b", httpVersion: "1.1", body: "x" },
    ]);
    expect(requests[0]?.rawHeaders.slice(0, 2)).toEqual(["X-Odd-Case", "1"]);
  });

  function post(path: string, body: string, headers = {}): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request(base + path, { method: "POST", headers });
      outgoing.on("response", resolve).on("error", reject).end(body);
    });
  }
});

describe("the built-in AI server over TLS", () => {
  it("speaks h2 to who offers it, and knows the name that was asked for", async () => {
    const tls = new LabAuthority().issue(["api.openai.com"], "self_signed");
    const requests: ReceivedRequest[] = [];
    const server = await startAiServer({
      host: "127.0.0.1",
      port: 0,
      tls,
      log: (request) => requests.push(request),
    });
    const session = connect(`https://127.0.0.1:${server.port}`, {
      ca: tls.cert,
      servername: "api.openai.com",
    });
    try {
      const stream = session.request({ ":method": "POST", ":path": "/v1/chat/completions" });
      stream.end(JSON.stringify({ model: "gpt-4", messages: [hello] }));
      expect(JSON.parse(await text(stream))).toMatchObject({
        choices: [{ message: { content: "Hi there!" } }],
      });
      expect(requests).toMatchObject([{ serverName: "api.openai.com", httpVersion: "2.0" }]);
    } finally {
      session.close();
      await server.close();
    }
  });
});
