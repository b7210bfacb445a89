/** Messages and response of one call, in parts that are the same for every provider. Values in, values out. */

import type { EventMcp, OximyEvent } from "../event/event.js";
import type { InteractionResponse, Message } from "../interaction/interaction.js";
import { isObject, listOf, numberOf, objectOf, stringOf } from "../interaction/json.js";

export type Part =
  | { readonly kind: "text"; readonly role: string; readonly text: string }
  | { readonly kind: "thinking"; readonly text: string }
  /** `given` is JSON, or the original text. */
  | { readonly kind: "call"; readonly id?: string; readonly name: string; readonly given: string }
  | { readonly kind: "result"; readonly id?: string; readonly text: string }
  /** A picture, sound or file: a reference, never its bytes. */
  | {
      readonly kind: "media";
      readonly type: string;
      readonly media_type?: string;
      readonly size?: number;
      readonly url?: string;
    }
  | { readonly kind: "error"; readonly text: string }
  | { readonly kind: "other"; readonly type: string };

/** The messages since the previous response; for the first call of a conversation, all of them. */
export function inputOf({ interaction, conversation, mcp }: OximyEvent): Part[] {
  if (mcp !== undefined) return [mcpCalled(mcp, interaction?.request.params)];
  const request = interaction?.request;
  const messages = listOf(request?.messages).filter(isObject) as unknown as Message[];
  const recent = conversation?.parent_event_id === undefined ? messages : sinceAnswer(messages);
  const prompt = stringOf(request?.prompt);
  return [
    ...(prompt === undefined ? [] : [{ kind: "text", role: "user", text: prompt } as const]),
    ...recent.flatMap(partsOf),
  ];
}

export function answerOf({ interaction, mcp }: OximyEvent): Part[] {
  if (mcp !== undefined) return mcpAnswered(mcp, interaction?.response);
  const { content, reasoning, tool_calls, media, error } = interaction?.response ?? {};
  const thoughts = stringOf(reasoning);
  return [
    ...(thoughts ? [{ kind: "thinking", text: thoughts } as const] : []),
    ...(typeof content === "string" && content !== ""
      ? [{ kind: "text", role: "assistant", text: content } as const]
      : []),
    ...listOf(tool_calls)
      .map(objectOf)
      .map((call) => calledOf(call.id, call.name, call.arguments)),
    ...listOf(media).map(objectOf).map(mediaOf),
    ...(error === undefined
      ? []
      : [{ kind: "error", text: error.message ?? error.type ?? "error" } as const]),
  ];
}

function mcpCalled({ method, tool }: EventMcp, params: unknown): Part {
  if (tool === undefined) return calledOf(undefined, method, params ?? "");
  return calledOf(undefined, tool, objectOf(params).arguments ?? "");
}

/** For a tool the text of its content (`CallToolResult` of the specification's schema), else the whole result. */
function mcpAnswered({ is_error }: EventMcp, response: InteractionResponse | undefined): Part[] {
  const { result, error } = response ?? {};
  if (error !== undefined) return [{ kind: "error", text: error.message ?? error.code ?? "error" }];
  if (result === undefined) return [];
  const { content } = objectOf(result);
  const text = Array.isArray(content) ? textOf(content) : JSON.stringify(result);
  return [is_error ? { kind: "error", text } : resultOf(undefined, text)];
}

function sinceAnswer(messages: readonly Message[]): readonly Message[] {
  return messages.slice(messages.findLastIndex(({ role }) => role === "assistant" || role === "model") + 1);
}

export const isInstruction = ({ role }: Pick<Message, "role">): boolean =>
  role === "system" || role === "developer";

/** The parts of a message; none for an instruction. */
export function partsOf(message: Message): Part[] {
  if (isInstruction(message)) return [];
  const { role, content } = message;
  if (role === "tool") return [resultOf(message.tool_call_id, textOf(content))];
  const parts = typeof content === "string" ? [content] : listOf(content);
  const calls = role === "assistant" ? listOf(message.tool_calls).map(objectOf) : [];
  return [
    ...parts.map((part) => partOf(role, part)),
    ...calls.map((call) => {
      const { name, arguments: given } = objectOf(call.function);
      return calledOf(call.id, name, given);
    }),
  ];
}

/** One part of a message's content, in the formats of OpenAI, Anthropic, Google or Amazon. */
function partOf(role: string, part: unknown): Part {
  if (typeof part === "string") return { kind: "text", role, text: part };
  const fields = objectOf(part);
  const { type, text, thinking, id, name, input, tool_use_id, content, thought } = fields;
  const { functionCall, functionResponse, toolUse, toolResult } = fields;
  if (typeof text === "string") {
    return thought === true ? { kind: "thinking", text } : { kind: "text", role, text };
  }
  if (typeof thinking === "string") return { kind: "thinking", text: thinking };
  if (type === "tool_use") return calledOf(id, name, input);
  if (type === "tool_result") return resultOf(tool_use_id, textOf(content));
  if (isObject(functionCall)) return calledOf(functionCall.id, functionCall.name, functionCall.args);
  if (isObject(functionResponse)) {
    return resultOf(functionResponse.id, JSON.stringify(functionResponse.response ?? null));
  }
  if (isObject(toolUse)) return calledOf(toolUse.toolUseId, toolUse.name, toolUse.input);
  if (isObject(toolResult)) return resultOf(toolResult.toolUseId, textOf(toolResult.content));
  // Media are references with a hash, a size or a URL (interaction.ts).
  if (["sha256", "size", "url", "media_type"].some((member) => fields[member] !== undefined)) {
    return mediaOf(fields);
  }
  return { kind: "other", type: stringOf(type) ?? "part" };
}

function mediaOf(fields: { readonly [key: string]: unknown }): Part {
  const [mediaType, size, url] = [stringOf(fields.media_type), numberOf(fields.size), stringOf(fields.url)];
  return {
    kind: "media",
    type: stringOf(fields.type) ?? "part",
    ...(mediaType !== undefined && { media_type: mediaType }),
    ...(size !== undefined && { size }),
    ...(url !== undefined && { url }),
  };
}

function calledOf(id: unknown, name: unknown, given: unknown): Part {
  const text = typeof given === "string" ? given : (JSON.stringify(given) ?? "");
  return { kind: "call", ...idOf(id), name: stringOf(name) ?? "tool", given: text };
}

function resultOf(id: unknown, text: string): Part {
  return { kind: "result", ...idOf(id), text };
}

const idOf = (id: unknown) => (typeof id === "string" ? { id } : {});

/** The text of a message's or a tool's content. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return listOf(content)
    .map((part) => stringOf(objectOf(part).text) ?? `[${stringOf(objectOf(part).type) ?? "part"}]`)
    .join("\n");
}
