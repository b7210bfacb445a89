import type { Message } from "../interaction.js";
import { isObject, type JsonObject } from "../json.js";

/** Gives the reference that stands for a part's media; `undefined` when the part holds none. */
export type PartReader = (part: JsonObject) => unknown;

/** The provider's messages, media replaced; `undefined` when there is no list of them. */
export function messagesOf(value: unknown, part: PartReader): Message[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter(isObject).map((message) => ({
    ...message,
    role: typeof message.role === "string" ? message.role : "user",
    content: contentOf(message.content, part),
  }));
}

/** Content as sent, media replaced; a list that is one piece of text is that text. */
export function contentOf(content: unknown, part: PartReader): unknown {
  if (!Array.isArray(content)) return content ?? null;
  const [only] = content;
  if (content.length === 1 && isObject(only) && only.type === "text" && typeof only.text === "string")
    return only.text;
  return content.map((element) => (isObject(element) ? (part(element) ?? element) : element));
}
