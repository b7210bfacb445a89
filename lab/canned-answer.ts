import { createHash } from "node:crypto";

/**
 * The model behind the built-in AI server: not a model at all. The same prompt always gets the same answer, so that an
 * event can be compared with its expected content. "Hello" is answered "Hi there!" with 5 tokens in, 3 out.
 */
export interface CannedAnswer {
  /** The answer in the pieces that a stream sends. */
  readonly pieces: readonly string[];
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Twelve hex digits that depend on the prompt only, for the ids that providers assign. */
  readonly fingerprint: string;
}

/** Tokens that the chat template adds around the words of a prompt, and the end token of an answer. */
const PROMPT_OVERHEAD = 4;
const ANSWER_OVERHEAD = 1;

export function answer(prompt: string): CannedAnswer {
  const text = prompt === "Hello" ? "Hi there!" : `You said: ${prompt}`;
  const pieces = text.match(/\s*\S+|\s+$/gu) ?? [text];
  const words = prompt.split(/\s+/u).filter((word) => word !== "");
  return {
    pieces,
    inputTokens: words.length + PROMPT_OVERHEAD,
    outputTokens: pieces.length + ANSWER_OVERHEAD,
    fingerprint: createHash("sha256").update(prompt).digest("hex").slice(0, 12),
  };
}

/** The text of a message's `content`: a string, or parts, of which those of type `text` are used. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part: unknown) =>
      isRecord(part) && part.type === "text" && typeof part.text === "string" ? part.text : "",
    )
    .join("");
}

/** The text of the last message that the user sent. */
export function lastPrompt(messages: unknown): string {
  if (!Array.isArray(messages)) return "";
  const last: unknown = messages.findLast((message: unknown) => isRecord(message) && message.role === "user");
  return isRecord(last) ? textOf(last.content) : "";
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
