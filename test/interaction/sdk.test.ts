import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NOT_BY_SDK } from "../lab/sdk-cases.js";
import { bytesOf, loadTranscripts, type Transcript } from "./transcripts.js";

/** What the official SDKs return to their callers from the transcripts must be what the interaction says. */

const transcripts = loadTranscripts().filter(
  // Mistral's streams name no role, which OpenAI's own client insists on.
  ({ response, shows, provider, title }) =>
    response?.status === 200 &&
    !shows.includes("errors") &&
    provider !== "mistral" &&
    NOT_BY_SDK[title] === undefined,
);
let server: Server;
let origin: string;
let current: Transcript;

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.writeHead(200, { "content-type": current.response!.type });
      response.end(bytesOf(current.response));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function casesOf(format: string, path: RegExp) {
  return transcripts
    .filter((one) => one.format === format && path.test(one.path))
    .map((one) => [one.title, one] as const);
}

function expectedOf({ expected }: Transcript) {
  const { content, usage, tool_calls: calls } = expected.response!;
  return {
    content: content ?? null,
    calls: calls?.map(({ name }) => name) ?? [],
    input: usage?.input_tokens,
  };
}

describe("openai", () => {
  test.each(casesOf("openai_chat", /^\/v1\/chat\/completions$/))("%s", async (_, transcript) => {
    current = transcript;
    const client = new OpenAI({ apiKey: "none", baseURL: `${origin}/v1`, maxRetries: 0 });
    const body = transcript.request!.json as OpenAI.ChatCompletionCreateParamsNonStreaming;
    const { stream: streamed, ...question } = body;
    const completion = streamed
      ? await client.chat.completions.stream({ ...question, stream: true }).finalChatCompletion()
      : await client.chat.completions.create(question);
    const { message } = completion.choices[0]!;
    const text: unknown = message.content;
    const said = Array.isArray(text) ? text.map((part) => part.text ?? "").join("") : text || null;
    expect(said).toBe(expectedOf(transcript).content);
    const calls =
      message.tool_calls?.map((call) => (call.type === "custom" ? call.custom.name : call.function.name)) ??
      [];
    expect(calls).toEqual(expectedOf(transcript).calls);
    if (completion.usage) expect(completion.usage.prompt_tokens).toBe(expectedOf(transcript).input);
  });

  test.each(
    casesOf("openai_responses", /^\/v1\/responses$/).filter(([title]) => !title.endsWith("broken-off")),
  )("%s", async (_, transcript) => {
    current = transcript;
    const client = new OpenAI({ apiKey: "none", baseURL: `${origin}/v1`, maxRetries: 0 });
    const { stream: streamed, ...question } = transcript.request!
      .json as OpenAI.Responses.ResponseCreateParams;
    const response = streamed
      ? await client.responses.stream(question as never).finalResponse()
      : await client.responses.create({ ...question, stream: false });
    expect(response.output_text).toBe(expectedOf(transcript).content ?? "");
    expect(response.usage?.input_tokens).toBe(expectedOf(transcript).input);
  });
});

describe("anthropic", () => {
  test.each(casesOf("anthropic_messages", /^\/v1\/messages$/))("%s", async (_, transcript) => {
    current = transcript;
    const client = new Anthropic({ apiKey: "none", baseURL: origin, maxRetries: 0 });
    const { stream: streamed, ...question } = transcript.request!.json as Anthropic.MessageCreateParams;
    const message = streamed
      ? await client.messages.stream(question as never).finalMessage()
      : await client.messages.create({ ...question, stream: false });
    const text = message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
    expect(text).toBe(expectedOf(transcript).content);
    const calls = message.content.flatMap((block) =>
      "name" in block && "input" in block ? [block.name] : [],
    );
    expect(calls).toEqual(expectedOf(transcript).calls);
    expect(message.usage.output_tokens).toBe(transcript.expected.response?.usage?.output_tokens);
    // Anthropic counts cached tokens beside the input.
    const { input_tokens: fresh, cache_creation_input_tokens: written } = message.usage;
    const read = transcript.expected.response?.usage?.cache_read_tokens ?? 0;
    expect(fresh + read + (written ?? 0)).toBe(expectedOf(transcript).input);
  });
});
