/** Hashes of the parts of a conversation that do not change when it is sent again: roles, texts, and tool calls. */

import { hash } from "node:crypto";
import type { Interaction, Message } from "../../interaction/interaction.js";
import { isObject, type JsonObject, listOf, objectOf, stringOf } from "../../interaction/json.js";

export interface Chain {
  /** A hash for each prefix of the conversation; the last one covers everything sent. */
  readonly sent: readonly string[];
  /** Hash including the answer, as the next call will send it; absent without one. */
  readonly answered?: string;
  /** Text of the first user message. */
  readonly first: string;
}

/** Consecutive messages of one role, merged because formats split them differently. */
interface Block {
  readonly role: "user" | "model";
  text: string;
  tools: string[];
}

export function chainOf({ request, response }: Interaction): Chain {
  const blocks: Block[] = [];
  const messages = request.messages ?? promptMessages(request.prompt ?? request.input);
  for (const message of messages) append(blocks, roleOf(message), message);
  const first = blocks.find(({ role }) => role === "user")?.text ?? "";
  const sent = hashesOf(blocks);
  const answer = response === undefined ? undefined : answerOf(response);
  if (answer === undefined) return { sent, first };
  append(blocks, "model", answer);
  return { sent, answered: hashesOf(blocks).at(-1)!, first };
}

function promptMessages(prompt: unknown): Message[] {
  return typeof prompt === "string" ? [{ role: "user", content: prompt }] : [];
}

function answerOf({ content, tool_calls }: NonNullable<Interaction["response"]>): Message | undefined {
  if ((content ?? "") === "" && (tool_calls?.length ?? 0) === 0) return undefined;
  return { role: "assistant", content: content ?? "", tool_calls };
}

/** Undefined for system messages, which change from call to call. */
function roleOf({ role }: Message): Block["role"] | undefined {
  if (role === "system" || role === "developer") return undefined;
  return role === "assistant" || role === "model" ? "model" : "user";
}

function append(blocks: Block[], role: Block["role"] | undefined, message: Message): void {
  if (role === undefined) return;
  let last = blocks.at(-1);
  if (last?.role !== role) {
    last = { role, text: "", tools: [] };
    blocks.push(last);
  }
  last.text += textOf(message.content);
  last.tools.push(...toolsOf(message));
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return listOf(content)
    .map((part) => {
      const { type, text, thought, content: inner, encrypted_content: sealed } = objectOf(part);
      if (type === "thinking" || type === "reasoning" || thought === true) return "";
      // Codex passes encrypted call arguments on unchanged; only the provider can decrypt them.
      if (type === "encrypted_content") return stringOf(sealed) ?? "";
      return stringOf(text) ?? (type === "tool_result" ? textOf(inner) : "");
    })
    .join("");
}

/** Ids of tool calls and results, or their names when they have no id. */
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

/** Gemini CLI (0.61) prefixes call ids with the tool's name when it compresses a conversation. */
function withoutName(id: string, name = ""): string {
  const prefix = `${name}__`;
  return name !== "" && id.startsWith(prefix) ? id.slice(prefix.length) : id;
}

function hashesOf(blocks: readonly Block[]): string[] {
  let before = "";
  return blocks.map(({ role, text, tools }) => {
    // Gemini CLI repeats results when it resumes a conversation.
    const ids = [...new Set(tools)].join(" ");
    before = hash("sha1", `${before}\n${role}\n${ids}\n${text.trim()}`, "base64url");
    return before;
  });
}
