import { isObject } from "./json.js";

/** Limit of nested content: parts within a message within a list. */
const MAX_DEPTH = 6;

/**
 * The text of a provider's content in any form: a string, a list of parts, an object with `text`, `parts` or `content`.
 * Thoughts, tool calls and media are not text. `undefined` when there is none.
 */
export function textOf(content: unknown, depth = 0): string | undefined {
  if (typeof content === "string") return content;
  if (depth > MAX_DEPTH) return undefined;
  if (Array.isArray(content)) {
    const texts = content.map((part) => textOf(part, depth + 1)).filter((text) => text !== undefined);
    return texts.length > 0 ? texts.join("") : undefined;
  }
  if (!isObject(content) || content.thought === true || !isTextType(content.type)) return undefined;
  return textOf(content.text ?? content.parts ?? content.content ?? undefined, depth + 1);
}

/** Other types are tool calls, thoughts, files … whose `text` is not part of the answer. */
function isTextType(type: unknown): boolean {
  return (
    type === undefined ||
    type === "text" ||
    type === "output_text" ||
    type === "input_text" ||
    type === "message"
  );
}
