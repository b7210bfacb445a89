import type { MediaReference, Message, StreamChunk } from "../interaction.js";
import { isObject, type JsonObject, listOf, numberOf, objectOf, present, stringOf, wordOf } from "../json.js";
import { textOf } from "../text.js";
import { usageOf } from "../usage.js";
import { assign, type Growing } from "./assembly.js";
import { someOf, toolCall } from "./tool-calls.js";
import type { WireFormat } from "./wire-format.js";

/**
 * A turn of OpenAI's realtime API over WebSocket (platform.openai.com/docs/api-reference/realtime), with the names
 * of both the beta and the general release.
 */
export const openaiRealtime: WireFormat = {
  id: "openai_realtime",
  type: "realtime",
  assembleRequest: assembleTurn,
  request: (fields, exchange) =>
    present({
      system: fields.instructions,
      messages: someOf(listOf(fields.items).map(messageOf)),
      model: wordOf(fields.model) ?? exchange.query.get("model") ?? undefined,
      modalities: fields.output_modalities ?? fields.modalities,
      temperature: numberOf(fields.temperature),
      voice: fields.voice,
      tools: fields.tools,
      tool_choice: fields.tool_choice,
      media: fields.media,
    }),
  response: (fields) => {
    const output = listOf(fields.output).map(objectOf);
    const parts = output.flatMap((item) => listOf(item.content).map(objectOf));
    const details = objectOf(fields.status_details);
    return present({
      content: textOf(fields.content) ?? joined(parts),
      finish_reason: wordOf(details.reason) ?? wordOf(fields.status),
      usage: usageOf(fields.usage),
      tool_calls: someOf(
        output
          .filter(({ type }) => type === "function_call")
          .map((item) => toolCall(item.call_id, item.name, item.arguments)),
      ),
      input_transcript: wordOf(fields.input_transcript),
      error: isObject(details.error) ? present({ ...details.error }) : undefined,
    });
  },
  assemble: assembleAnswer,
};

function messageOf(value: unknown): Message {
  const item = objectOf(value);
  const type = stringOf(item.type);
  const role = wordOf(item.role) ?? (type === "function_call_output" ? "tool" : "assistant");
  const content = textOf(item.content) ?? item.output ?? null;
  return type === "message" ? { role, content } : { ...item, role, content };
}

/** The transcript represents the audio. */
function joined(parts: readonly JsonObject[]): string | undefined {
  const texts = parts
    .map((part) => stringOf(part.text) ?? stringOf(part.transcript))
    .filter((text) => text !== undefined);
  return texts.length > 0 ? texts.join("") : undefined;
}

/** The client's events of a turn: session settings, items, and the amount of audio sent. */
function assembleTurn(chunks: readonly StreamChunk[]): JsonObject {
  const fields: Growing = {};
  const items: unknown[] = [];
  let heard = 0;
  for (const { data } of chunks) {
    if (!isObject(data)) continue;
    if (data.type === "session.update") assign(fields, objectOf(data.session));
    else if (data.type === "response.create") {
      const { input, ...response } = objectOf(data.response);
      assign(fields, response);
      for (const item of listOf(input)) items.push(item);
    } else if (data.type === "conversation.item.create") items.push(data.item);
    else if (data.type === "input_audio_buffer.append")
      heard += Buffer.byteLength(stringOf(data.audio) ?? "", "base64");
  }
  const media: MediaReference[] | undefined = heard > 0 ? [{ type: "audio", size: heard }] : undefined;
  return { ...fields, items, media };
}

/** `response.done` contains the answer; for an interrupted one, the deltas are used. */
function assembleAnswer(chunks: readonly StreamChunk[]): JsonObject {
  const document: Growing = {};
  let text = "";
  let heard = "";
  for (const { data } of chunks) {
    if (!isObject(data)) continue;
    const type = stringOf(data.type) ?? "";
    if (type === "response.done") Object.assign(document, objectOf(data.response));
    else if (type === "error") document.error = data.error;
    else if (/^response\.(?:output_)?(?:text|audio_transcript)\.delta$/.test(type))
      text += stringOf(data.delta) ?? "";
    else if (type === "conversation.item.input_audio_transcription.completed")
      heard += stringOf(data.transcript) ?? "";
  }
  if (heard !== "") document.input_transcript = heard;
  if (listOf(document.output).length === 0 && text !== "") document.content = text;
  return document;
}
