/** Texts that a stream spells out, piece by piece. */

import { holdsSecret } from "./secrets.js";

/** No model's token is longer; ids are. */
const LONGEST_TOKEN = 16;

/** Whether the messages spell out a credential: in texts, or as OpenAI's log probabilities do, in lists of bytes. */
export function spellsSecret(messages: unknown): boolean {
  return spelledOut([messages]).some(holdsSecret);
}

function isBytes(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256)
  );
}

/**
 * The text of each field over all messages of a stream, joined: what is spelled out in pieces cannot be told from
 * any one of them.
 */
export function spelledOut(messages: readonly unknown[]): string[] {
  const texts = new Map<string, string>();
  const add = (text: string, path: string): void => {
    // An id that each message repeats spells nothing.
    if (text.length >= LONGEST_TOKEN && last.get(path) === text) return;
    last.set(path, text);
    texts.set(path, (texts.get(path) ?? "") + text);
  };
  const last = new Map<string, string>();
  const gather = (value: unknown, path: string): void => {
    if (typeof value === "string") add(value, path);
    else if (isBytes(value)) add(Buffer.from(value).toString("latin1"), path);
    else if (Array.isArray(value)) for (const element of value) gather(element, path);
    else if (typeof value === "object" && value !== null)
      for (const [name, field] of Object.entries(value)) gather(field, `${path}.${name}`);
  };
  gather(messages, "");
  return [...texts.values()];
}
