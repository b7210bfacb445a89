import type { Message } from "../interaction.js";
import { isObject, type JsonObject, listOf, objectOf, present, stringOf, wordOf } from "../json.js";
import { someOf } from "./tool-calls.js";
import type { WireFormat } from "./wire-format.js";

/** Granola's chat about notes: `/v1/chat-with-documents`, records separated by a boundary word. */
export const granola: WireFormat = {
  id: "granola",
  type: "chat",
  request: (fields) =>
    present({
      messages: someOf(listOf(fields.chat_history).filter(isObject).map(messageOf)),
      model: wordOf(objectOf(fields.prompt_config).model),
      context: fields.document_ids,
    }),
  response: (fields) =>
    present({
      content: textOf(fields, "text_with_citations", "plain_text"),
      reasoning: wordOf(textOf(fields, "reasoning", "text")),
    }),
  /** Each record repeats the outputs so far. */
  assemble: (chunks) => objectOf(chunks.findLast(({ data }) => Array.isArray(objectOf(data).outputs))?.data),
};

function messageOf({ text, role, ...rest }: JsonObject): Message {
  return { ...rest, role: wordOf(role)?.toLowerCase() ?? "user", content: text ?? null };
}

function textOf(fields: JsonObject, type: string, field: string): string | undefined {
  const texts = listOf(fields.outputs)
    .map(objectOf)
    .filter((output) => output.type === type);
  return texts.length > 0 ? texts.map((output) => stringOf(output[field]) ?? "").join("") : undefined;
}
