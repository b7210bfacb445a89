// The official SDK of OpenAI, talking to OpenAI and to those who speak as OpenAI does.
import { once } from "node:events";
import OpenAI, { AzureOpenAI, toFile } from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { ResponsesWS } from "openai/resources/responses/ws";
import { answerCases, joined, mediaOf, parsed, someOf } from "./sdk-cases.mjs";
import { readChunks, readCompletion, usageOf } from "./sdk-chat-completions.mjs";

const options = { apiKey: process.env.API_KEY, maxRetries: 0 };

function clientOf({ host, path }) {
  if (host.endsWith(".openai.azure.com")) {
    const { pathname, searchParams } = new URL(path, `https://${host}`);
    return new AzureOpenAI({
      ...options,
      endpoint: `https://${host}`,
      deployment: pathname.split("/")[3],
      apiVersion: searchParams.get("api-version"),
    });
  }
  const [base] = path.split(
    /\/(?:chat|completions|responses|embeddings|images|audio|moderations|realtime)\b/,
  );
  return new OpenAI({ ...options, baseURL: `https://${host}${base}` });
}

const askers = {
  async openai_chat(client, { question, headers }, answer) {
    const completion = await client.chat.completions.create(question, { headers });
    if (question.stream) await readChunks(completion, answer);
    else readCompletion(completion, answer);
  },

  async openai_responses(client, { question, headers, said }, answer) {
    if (said) {
      const webSocket = new ResponsesWS(client, { headers });
      return readResponse(await answerOf(webSocket, "response.completed", said), answer);
    }
    const response = await client.responses.create(question, { headers });
    if (!question.stream) return readResponse(response, answer);
    const output = [];
    for await (const event of response) {
      if (event.type === "response.output_item.done") output.push(event.item);
      if (!event.response) continue;
      // What the last of them holds is all, unless the stream broke off before.
      readResponse({ ...event.response, output }, answer);
    }
    readOutput(output, answer);
  },

  async openai_realtime(client, { path, headers, said }, answer) {
    const model = new URL(path, "https://any").searchParams.get("model");
    const webSocket = new OpenAIRealtimeWS({ model, options: { headers } }, client);
    const { status, usage, output } = await answerOf(webSocket, "response.done", said);
    answer.content = joined(output.flatMap(({ content = [] }) => content.map((part) => part.transcript)));
    answer.finish_reason = status;
    answer.tool_calls = callsOf(output);
    answer.usage = { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens };
  },

  async openai_completions(client, { question, headers }, answer) {
    const completion = await client.completions.create(question, { headers });
    for await (const { model, choices, usage } of question.stream ? completion : [completion]) {
      answer.model = model;
      answer.content = joined([answer.content, choices[0].text]);
      answer.finish_reason = choices[0].finish_reason ?? undefined;
      answer.usage = usageOf(usage);
    }
  },

  async openai_embeddings(client, { question, headers }, answer) {
    const { data, model, usage } = await client.embeddings.create(question, { headers });
    Object.assign(answer, { embeddings: data.length, model, usage: usageOf(usage) });
  },

  async openai_moderations(client, { question, headers }, answer) {
    const { model, results } = await client.moderations.create(question, { headers });
    const categories = Object.entries(results[0].categories).flatMap(([name, hit]) => (hit ? [name] : []));
    Object.assign(answer, { model, flagged: results[0].flagged, categories });
  },

  async openai_images(client, { question, headers }, answer) {
    const images = await client.images.generate(question, { headers });
    for await (const { data = [], b64_json: last, usage } of question.stream ? images : [images]) {
      const pictures = last ? [last] : data.map((image) => image.b64_json);
      answer.media = pictures.map((picture) => mediaOf("image", "image/png", Buffer.from(picture, "base64")));
      answer.usage = usage && { ...usage, input_tokens_details: undefined };
    }
  },

  async openai_audio(client, { path, headers, streamed }, answer) {
    if (path.endsWith("/speech")) {
      const body = { model: "gpt-4o-mini-tts", input: "The quick brown fox", voice: "alloy" };
      const sound = await client.audio.speech.create(body, { headers });
      const { type, media_type, size } = mediaOf(
        "audio",
        "audio/mpeg",
        Buffer.from(await sound.arrayBuffer()),
      );
      answer.media = [{ type, media_type, size }];
      return;
    }
    const file = await toFile(Buffer.from("ID3abc"), "speech.mp3", { type: "audio/mpeg" });
    const body = { model: "whisper-1", language: "en", file, stream: streamed };
    const transcription = await client.audio.transcriptions.create(body, { headers });
    for await (const { text, usage } of streamed ? transcription : [transcription]) {
      answer.content = text;
      answer.usage = usage && { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens };
    }
  },
};

/** Says all, and takes the response of the last event. */
async function answerOf(webSocket, last, said) {
  try {
    await once(webSocket.socket, "open");
    for (const event of said) webSocket.send(event);
    return await new Promise((resolve, reject) => {
      webSocket.on(last, ({ response }) => resolve(response));
      webSocket.on("error", reject);
    });
  } finally {
    webSocket.close();
  }
}

function readResponse({ model, status, usage, error, incomplete_details, output }, answer) {
  Object.assign(answer, {
    model,
    finish_reason: incomplete_details?.reason ?? status,
    error: error?.message,
    usage: usage
      ? {
          input_tokens: usage.input_tokens,
          output_tokens: usage.output_tokens,
          total_tokens: usage.total_tokens,
          cache_read_tokens: usage.input_tokens_details?.cached_tokens,
          reasoning_tokens: usage.output_tokens_details?.reasoning_tokens,
        }
      : undefined,
  });
  readOutput(output, answer);
}

function readOutput(output, answer) {
  const parts = (type, list) => output.filter((item) => item.type === type).flatMap((item) => item[list]);
  answer.content = joined(parts("message", "content").map((part) => part.text));
  answer.reasoning = joined(parts("reasoning", "summary").map((part) => part.text));
  answer.tool_calls = callsOf(output);
}

function callsOf(output) {
  return someOf(
    output
      .filter(({ type }) => type.endsWith("_call"))
      .map((item) =>
        item.type === "function_call"
          ? { id: item.call_id, name: item.name, arguments: parsed(item.arguments) }
          : { id: item.id, name: item.type.replace(/_call$/, ""), arguments: item.action },
      ),
  );
}

await answerCases((one, answer) => askers[one.format](clientOf(one), one, answer));
