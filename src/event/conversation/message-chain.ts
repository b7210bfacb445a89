/** What of a conversation stays the same when it is sent again: who said what, and which tools were called. */

import { hash } from "node:crypto";
import type { Interaction, Message } from "../../interaction/interaction.js";
import { isObject, type JsonObject, listOf, objectOf, stringOf } from "../../interaction/json.js";

export interface Chain {
  /** A hash for each beginning of the conversation: the last one is that of all that was sent. */
  readonly sent: readonly string[];
  /** With the answer, as the next call will send it; absent without one. */
  readonly answered?: string;
  /** Text of the first message of the user. */
  readonly first: string;
}

/** One side's words until the other speaks: formats cut them into messages in different ways. */
interface Speech {
  readonly role: "user" | "model";
  words: string;
  tools: string[];
}

export function chainOf({ request, response }: Interaction): Chain {
  const speeches: Speech[] = [];
  const messages = request.messages ?? ownWords(request.prompt ?? request.input);
  for (const message of messages) say(speeches, roleOf(message), message);
  const first = speeches.find(({ role }) => role === "user")?.words ?? "";
  const sent = hashesOf(speeches);
  const answer = response === undefined ? undefined : answerOf(response);
  if (answer === undefined) return { sent, first };
  say(speeches, "model", answer);
  return { sent, answered: hashesOf(speeches).at(-1)!, first };
}

function ownWords(prompt: unknown): Message[] {
  return typeof prompt === "string" ? [{ role: "user", content: prompt }] : [];
}

function answerOf({ content, tool_calls }: NonNullable<Interaction["response"]>): Message | undefined {
  if ((content ?? "") === "" && (tool_calls?.length ?? 0) === 0) return undefined;
  return { role: "assistant", content: content ?? "", tool_calls };
}

/** Undefined for what is no part of the conversation: what programs tell the model changes from call to call. */
function roleOf({ role }: Message): Speech["role"] | undefined {
  if (role === "system" || role === "developer") return undefined;
  return role === "assistant" || role === "model" ? "model" : "user";
}

function say(speeches: Speech[], role: Speech["role"] | undefined, message: Message): void {
  if (role === undefined) return;
  let last = speeches.at(-1);
  if (last?.role !== role) {
    last = { role, words: "", tools: [] };
    speeches.push(last);
  }
  last.words += textOf(message.content);
  last.tools.push(...toolsOf(message));
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return listOf(content)
    .map((part) => {
      const { type, text, thought, content: inner, encrypted_content: sealed } = objectOf(part);
      if (type === "thinking" || type === "reasoning" || thought === true) return "";
      // Codex hands on what it was told in a call's arguments: to the letter, though only the provider can read it.
      if (type === "encrypted_content") return stringOf(sealed) ?? "";
      return stringOf(text) ?? (type === "tool_result" ? textOf(inner) : "");
    })
    .join("");
}

/** Ids of the tools' calls and results, where they have none their names. */
function toolsOf(message: Message): string[] {
  const parts = listOf(message.content).filter(isObject);
  const items = [message, ...parts, ...listOf(message.tool_calls).filter(isObject)] as JsonObject[];
  return items.flatMap((item) => {
    const named = objectOf(item.functionCall ?? item.functionResponse ?? item.toolUse ?? item.toolResult);
    const id =
      item.tool_use_id ?? item.tool_call_id ?? item.call_id ?? named.id ?? named.toolUseId ?? named.name;
    if (typeof id === "string") return [withoutName(id, stringOf(named.name))];
    const isCall = item.function !== undefined || item.type === "tool_use" || item.arguments !== undefined;
    return isCall && typeof item.id === "string" ? [item.id] : isCall ? [String(item.name ?? "")] : [];
  });
}

/** Gemini CLI (0.61) puts the tool's name before the ids of its calls when it makes a conversation short. */
function withoutName(id: string, name = ""): string {
  const prefix = `${name}__`;
  return name !== "" && id.startsWith(prefix) ? id.slice(prefix.length) : id;
}

function hashesOf(speeches: readonly Speech[]): string[] {
  let before = "";
  return speeches.map(({ role, words, tools }) => {
    // Gemini CLI repeats results when it takes a conversation up again.
    const ids = [...new Set(tools)].join(" ");
    before = hash("sha1", `${before}\n${role}\n${ids}\n${words.trim()}`, "base64url");
    return before;
  });
}
