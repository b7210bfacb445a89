/**
 * What the official SDKs make of a stream's bytes, under the names of events: the second opinion on our own readers. The
 * clients get the bytes from a `fetch` of the test's; nothing is asked over the network.
 */

import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { Ollama } from "ollama";
import OpenAI from "openai";
import type { Transcript } from "./transcripts.js";

export interface Opinion {
  readonly content: string;
  readonly calls: readonly string[];
  readonly finish?: string;
  readonly input?: number;
  readonly output?: number;
}

/** @throws what the SDK throws at its caller */
export type Oracle = (bytes: Buffer, transcript: Transcript) => Promise<Opinion>;

const answering = (bytes: Buffer, type: string) => async () =>
  new Response(new Uint8Array(bytes), { status: 200, headers: { "content-type": type } });

const opinion = (given: { [Field in keyof Opinion]?: Opinion[Field] | null | undefined }): Opinion => ({
  content: given.content ?? "",
  calls: given.calls ?? [],
  ...(given.finish && { finish: given.finish }),
  ...(typeof given.input === "number" && { input: given.input }),
  ...(typeof given.output === "number" && { output: given.output }),
});

const openaiClient = (bytes: Buffer) =>
  new OpenAI({ apiKey: "none", maxRetries: 0, fetch: answering(bytes, "text/event-stream") });

const chat: Oracle = async (bytes, { request }) => {
  const question = request!.json as OpenAI.ChatCompletionCreateParamsStreaming;
  const stream = openaiClient(bytes).chat.completions.stream({ ...question, stream: true });
  const { choices, usage } = await stream.finalChatCompletion();
  const { message, finish_reason: finish } = choices[0]!;
  return opinion({
    content: message.content,
    calls: message.tool_calls?.map((call) => ("function" in call ? call.function.name : "")),
    finish,
    input: usage?.prompt_tokens,
    output: usage?.completion_tokens,
  });
};

const responses: Oracle = async (bytes, { request }) => {
  const question = request!.json as OpenAI.Responses.ResponseCreateParamsStreaming;
  const { stream: _, ...asked } = question;
  const response = await openaiClient(bytes).responses.stream(asked).finalResponse();
  return opinion({
    content: response.output_text,
    calls: response.output.flatMap((item) => (item.type === "function_call" ? [item.name] : [])),
    finish: response.status,
    input: response.usage?.input_tokens,
    output: response.usage?.output_tokens,
  });
};

const anthropic: Oracle = async (bytes, { request }) => {
  const client = new Anthropic({
    apiKey: "none",
    maxRetries: 0,
    fetch: answering(bytes, "text/event-stream"),
  });
  const { stream: _, ...asked } = request!.json as Anthropic.MessageCreateParamsStreaming;
  const message = await client.messages.stream(asked).finalMessage();
  const { usage } = message;
  const fresh: number | null = usage.input_tokens;
  return opinion({
    content: message.content.map((block) => (block.type === "text" ? block.text : "")).join(""),
    calls: message.content.flatMap((block) => ("name" in block && "input" in block ? [block.name] : [])),
    finish: message.stop_reason,
    // Anthropic counts cached tokens beside the input.
    input:
      fresh === null
        ? undefined
        : fresh + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0),
    output: usage.output_tokens,
  });
};

const google: Oracle = async (bytes, { request }) => {
  const { contents } = request!.json as { contents: [] };
  const asked = globalThis.fetch;
  globalThis.fetch = answering(bytes, "text/event-stream");
  try {
    const client = new GoogleGenAI({ apiKey: "none" });
    const stream = await client.models.generateContentStream({ model: "gemini", contents });
    let content = "";
    const calls: string[] = [];
    let finish: string | undefined;
    let input: number | undefined;
    let output: number | undefined;
    for await (const chunk of stream) {
      const [candidate] = chunk.candidates ?? [];
      for (const part of candidate?.content?.parts ?? []) {
        if (part.thought !== true) content += part.text ?? "";
        if (part.functionCall?.name) calls.push(part.functionCall.name);
      }
      finish = candidate?.finishReason ?? finish;
      const { usageMetadata: usage } = chunk;
      input = usage?.promptTokenCount ?? input;
      if (typeof usage?.candidatesTokenCount === "number")
        output = usage.candidatesTokenCount + (usage.thoughtsTokenCount ?? 0);
    }
    return opinion({ content, calls, finish, input, output });
  } finally {
    globalThis.fetch = asked;
  }
};

const ollama: Oracle = async (bytes, { request }) => {
  const client = new Ollama({ host: "http://localhost:1", fetch: answering(bytes, "application/x-ndjson") });
  const stream = await client.chat({ ...(request!.json as { model: string }), stream: true });
  let content = "";
  const calls: string[] = [];
  let last: { done_reason?: string; prompt_eval_count?: number; eval_count?: number } = {};
  for await (const part of stream) {
    content += part.message?.content ?? "";
    for (const call of part.message?.tool_calls ?? []) calls.push(call.function.name);
    last = part;
  }
  return opinion({
    content,
    calls,
    finish: last.done_reason,
    input: last.prompt_eval_count,
    output: last.eval_count,
  });
};

export const ORACLES: ReadonlyMap<string, Oracle> = new Map([
  ["openai_chat", chat],
  ["openai_responses", responses],
  ["anthropic_messages", anthropic],
  ["gemini", google],
  ["ollama_chat", ollama],
]);
