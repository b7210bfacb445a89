/** What was said in a call, in order, whichever provider's words it is in. Values in, values out. */

import type { OximyEvent } from "../event/event.js";
import type { Message } from "../interaction/interaction.js";
import { isObject, type JsonObject, listOf, objectOf, stringOf } from "../interaction/json.js";

export type Said =
  | { readonly kind: "text"; readonly role: string; readonly text: string }
  | { readonly kind: "thought"; readonly text: string }
  /** A tool was called; what it was given is JSON. */
  | { readonly kind: "call"; readonly id?: string; readonly name: string; readonly given: string }
  | { readonly kind: "result"; readonly id?: string; readonly text: string }
  /** A picture or what else has no words. */
  | { readonly kind: "other"; readonly role: string; readonly type: string };

/** The messages of the request that are no instructions; of a call that goes on from another, those since its answer. */
export function saidBefore({ interaction, conversation }: OximyEvent): Said[] {
  const messages = listOf(interaction?.request.messages).filter(isObject) as unknown as Message[];
  const prompt = stringOf(interaction?.request.prompt);
  return [
    ...(prompt === undefined ? [] : [{ kind: "text", role: "user", text: prompt } as const]),
    ...(conversation?.parent_event_id === undefined ? messages : sinceAnswer(messages)).flatMap(saidIn),
  ];
}

function sinceAnswer(messages: readonly Message[]): readonly Message[] {
  return messages.slice(messages.findLastIndex(({ role }) => role === "assistant" || role === "model") + 1);
}

/** The answer: text, then the tools that it wants called. */
export function answered({ interaction }: OximyEvent): Said[] {
  const { content, tool_calls } = interaction?.response ?? {};
  return [
    ...(typeof content === "string" && content !== ""
      ? [{ kind: "text", role: "assistant", text: content } as const]
      : []),
    ...listOf(tool_calls)
      .map(objectOf)
      .map((call) => called(call.id, call.name, call.arguments)),
  ];
}

export const isInstruction = ({ role }: Pick<Message, "role">): boolean =>
  role === "system" || role === "developer";

/** One message that is no instruction. */
export function saidIn(message: Message): Said[] {
  if (isInstruction(message)) return [];
  const { role, content } = message;
  if (role === "tool") return [returned(message.tool_call_id, textOf(content))];
  const parts = typeof content === "string" ? [content] : listOf(content);
  const calls = role === "assistant" ? listOf(message.tool_calls).map(objectOf) : [];
  return [
    ...parts.map((part) => saidInPart(role, part)),
    ...calls.map((call) => {
      const { name, arguments: given } = objectOf(call.function);
      return called(call.id, name, given);
    }),
  ];
}

/** One part of a message's content, in the words of OpenAI, Anthropic, Google or Amazon. */
export function saidInPart(role: string, part: unknown): Said {
  if (typeof part === "string") return { kind: "text", role, text: part };
  const { type, text, thinking, id, tool_use_id, content, name, input, ...other } = objectOf(part);
  const { functionCall, functionResponse, toolUse, toolResult } = other;
  if (typeof text === "string") return { kind: "text", role, text };
  if (type === "thinking" && typeof thinking === "string") return { kind: "thought", text: thinking };
  if (type === "tool_use") return called(id, name, input);
  if (type === "tool_result") return returned(tool_use_id, textOf(content));
  if (isObject(functionCall)) return called(functionCall.id, functionCall.name, functionCall.args);
  if (isObject(functionResponse)) {
    return returned(functionResponse.id, JSON.stringify(functionResponse.response ?? null));
  }
  if (isObject(toolUse)) return called(toolUse.toolUseId, toolUse.name, toolUse.input);
  if (isObject(toolResult)) {
    return returned((toolResult as JsonObject).toolUseId, textOf((toolResult as JsonObject).content));
  }
  return { kind: "other", role, type: stringOf(type) ?? "part" };
}

/** The texts of a content; of what has none, its type. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return listOf(content)
    .map((part) => stringOf(objectOf(part).text) ?? `[${stringOf(objectOf(part).type) ?? "part"}]`)
    .join("\n");
}

function called(id: unknown, name: unknown, given: unknown): Said {
  const json = typeof given === "string" ? given : (JSON.stringify(given) ?? "");
  return { kind: "call", ...idOf(id), name: stringOf(name) ?? "tool", given: json };
}

function returned(id: unknown, text: string): Said {
  return { kind: "result", ...idOf(id), text };
}

const idOf = (id: unknown) => (typeof id === "string" ? { id } : {});
