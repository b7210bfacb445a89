import type { Message, StreamChunk } from "../interaction.js";
import { isObject, type JsonObject, listOf, numberOf, objectOf, present, stringOf, wordOf } from "../json.js";
import { DeltaDocument } from "./delta-document.js";
import { someOf } from "./tool-calls.js";
import type { WireFormat } from "./wire-format.js";

/** The conversation of chatgpt.com: `/backend-api/conversation` and `/backend-api/f/conversation`. */
export const chatgptWeb: WireFormat = {
  id: "chatgpt_web",
  type: "chat",
  request: (fields) =>
    present({
      messages: someOf(listOf(fields.messages).filter(isObject).map(messageOf)),
      model: wordOf(fields.model),
      conversation_id: wordOf(fields.conversation_id),
    }),
  response: (fields) => {
    const messages = listOf(fields.messages).map(objectOf).filter(isAnswer);
    const thoughts = listOf(fields.messages)
      .map((message) => objectOf(objectOf(message).content))
      .flatMap(thoughtsOf);
    return present({
      content: messages.length > 0 ? messages.map((message) => textOfParts(message)).join("") : undefined,
      model:
        wordOf(fields.model) ??
        messages.map((message) => wordOf(objectOf(message.metadata).model_slug)).find(Boolean),
      finish_reason: wordOf(objectOf(objectOf(messages.at(-1)?.metadata).finish_details).type),
      reasoning: wordOf(thoughts.join("\n\n")),
      conversation_id: wordOf(fields.conversation_id),
    });
  },
  assemble: assembleConversation,
};

function messageOf(message: JsonObject): Message {
  const { parts } = objectOf(message.content);
  const texts = listOf(parts).map((part) => stringOf(part) ?? stringOf(objectOf(part).text));
  return {
    role: wordOf(objectOf(message.author).role) ?? "user",
    content: texts.every((text) => text !== undefined) ? texts.join("") : (parts ?? null),
  };
}

function textOfParts({ content }: JsonObject): string {
  return listOf(objectOf(content).parts)
    .map((part) => stringOf(part) ?? "")
    .join("");
}

/** Whether a message is visible to the user: no tool calls (another recipient), thoughts, or hidden context. */
function isAnswer({ author, content, recipient, metadata }: JsonObject): boolean {
  const type = objectOf(content).content_type;
  return (
    objectOf(author).role === "assistant" &&
    (type === "text" || type === "multimodal_text") &&
    (recipient === undefined || recipient === "all") &&
    objectOf(metadata).is_visually_hidden_from_conversation !== true
  );
}

function thoughtsOf({ thoughts }: JsonObject): string[] {
  return listOf(thoughts).flatMap((thought) => {
    const { summary, content } = objectOf(thought);
    return [[summary, content].filter((text) => typeof text === "string" && text !== "").join("\n")];
  });
}

/**
 * Messages of a conversation's stream. With delta encoding each `c` starts the next message, and steps apply to the
 * last one; without it, each event contains a message so far.
 */
function assembleConversation(chunks: readonly StreamChunk[]): JsonObject {
  const documents = new Map<number, DeltaDocument>();
  const whole = new Map<unknown, JsonObject>();
  let details: JsonObject = {};
  let current = new DeltaDocument();
  for (const { data } of chunks) {
    if (!isObject(data)) continue;
    if (isObject(data.message)) whole.set(data.message.id, data.message);
    const index = numberOf(data.c);
    if (index !== undefined) {
      current = documents.get(index) ?? new DeltaDocument();
      documents.set(index, current);
    }
    current.push(data);
    const slug = wordOf(objectOf(data.metadata).model_slug);
    details = {
      ...details,
      ...present({
        model: slug,
        conversation_id: wordOf(data.conversation_id),
        error: data.error ?? undefined,
      }),
    };
  }
  if (documents.size === 0) documents.set(0, current);
  const streamed = [...documents.values()].map(({ value }) => objectOf(value));
  const messages = [...whole.values(), ...streamed.map(({ message }) => message).filter(isObject)];
  const conversation = streamed.map((document) => wordOf(document.conversation_id)).find(Boolean);
  return { ...present({ conversation_id: conversation }), ...details, messages };
}
