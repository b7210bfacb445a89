import type { StreamChunk } from "../interaction.js";
import { isObject, type JsonObject, listOf, objectOf, present, stringOf } from "../json.js";
import { laterUsage } from "../usage.js";
import { gemini } from "./gemini.js";
import type { WireFormat } from "./wire-format.js";

/** A turn of Gemini's Live API over WebSocket (ai.google.dev/api/live). */
export const geminiLive: WireFormat = {
  id: "gemini_live",
  type: "realtime",
  assembleRequest: (chunks) => {
    const events = chunks.map(({ data }) => objectOf(data));
    const setup = objectOf(events.map((event) => event.setup).find(isObject));
    const spoken = events
      .map(({ realtimeInput }) => stringOf(objectOf(realtimeInput).text))
      .filter((text) => text !== undefined);
    const contents = [
      ...events.flatMap(({ clientContent }) => listOf(objectOf(clientContent).turns)),
      ...(spoken.length > 0 ? [{ role: "user", parts: [{ text: spoken.join("") }] }] : []),
    ];
    return present({ ...setup, contents: contents.length > 0 ? contents : undefined });
  },
  request: gemini.request,
  response: (fields, exchange) =>
    present({ ...gemini.response(fields, exchange), input_transcript: stringOf(fields.input_transcript) }),
  assemble: assembleLive,
};

/** Assembles server messages to one response of `generateContent`, with the audio transcript as its text. */
function assembleLive(chunks: readonly StreamChunk[]): JsonObject {
  const parts: unknown[] = [];
  let usage: JsonObject | undefined;
  let heard = "";
  for (const { data } of chunks) {
    const event = objectOf(data);
    const content = objectOf(event.serverContent);
    usage = laterUsage(usage, event.usageMetadata);
    heard += stringOf(objectOf(content.inputTranscription).text) ?? "";
    const transcript = stringOf(objectOf(content.outputTranscription).text);
    if (transcript !== undefined) parts.push({ text: transcript });
    parts.push(...listOf(objectOf(content.modelTurn).parts));
    for (const functionCall of listOf(objectOf(event.toolCall).functionCalls)) parts.push({ functionCall });
  }
  return {
    candidates: parts.length > 0 ? [{ content: { role: "model", parts } }] : [],
    usageMetadata: usage,
    ...(heard !== "" && { input_transcript: heard }),
  };
}
