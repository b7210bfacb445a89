import type { Message } from "../interaction.js";
import { isObject, type JsonObject } from "../json.js";

/** Returns a reference for a part's media; `undefined` when the part has none. */
export type PartReader = (part: JsonObject) => unknown;

/** The provider's messages, with media replaced; `undefined` when there is no list of them. */
export function messagesOf(value: unknown, part: PartReader): Message[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter(isObject).map((message) => ({
    ...message,
    role: typeof message.role === "string" ? message.role : "user",
    content: contentOf(message.content, part),
  }));
}

/** Content as sent, with media replaced; a list of one text part becomes a string. */
export function contentOf(content: unknown, part: PartReader): unknown {
  if (!Array.isArray(content)) return content ?? null;
  const [only] = content;
  if (content.length === 1 && isObject(only) && only.type === "text" && typeof only.text === "string")
    return only.text;
  return content.map((element) => (isObject(element) ? (part(element) ?? element) : element));
}
