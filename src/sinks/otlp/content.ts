/**
 * Prompts and responses, in the form of the conventions' schemas (gen-ai-input-messages.json,
 * gen-ai-output-messages.json, gen-ai-system-instructions.json, gen-ai-tool-definitions.json at the commit named in
 * mapping.ts). Values in, values out.
 */

import type { OximyEvent } from "../../event/event.js";
import type { Message } from "../../interaction/interaction.js";
import { isObject, listOf, objectOf, stringOf } from "../../interaction/json.js";
import { isInstruction, partsOf, type Part as TurnPart, textOf } from "../../traces/turn.js";
import { CONTENT_ATTRIBUTES } from "./mapping.js";

export type Part = Readonly<Record<string, unknown>> & { readonly type: string };
export interface ContentMessage {
  readonly role: string;
  readonly parts: readonly Part[];
}

/** Most characters of one event's content; of a longer conversation the beginning is left out. */
export const MAX_CONTENT = 512 << 10;

/** Attributes with structured values; empty ones are omitted. */
export function contentAttributes(event: OximyEvent): Record<string, unknown> {
  const { interaction } = event;
  if (interaction === undefined) return {};
  const { request, response } = interaction;
  const messages = listOf(request.messages).filter(isObject) as unknown as Message[];
  const prompt = stringOf(request.prompt);
  const output: Part[] = [
    ...(typeof response?.reasoning === "string" ? [{ type: "reasoning", content: response.reasoning }] : []),
    ...(typeof response?.content === "string" && response.content !== ""
      ? [{ type: "text", content: response.content }]
      : []),
    ...listOf(response?.tool_calls).map(objectOf).map(toolCall),
  ];
  const system = request.system === undefined ? [] : [{ type: "text", content: textOf(request.system) }];
  const tools = listOf(request.tools).flatMap(toolDefinition);
  const input: ContentMessage[] = [
    ...messages.map(inputMessage),
    ...(prompt === undefined ? [] : [{ role: "user", parts: [{ type: "text", content: prompt }] }]),
  ];
  const room = MAX_CONTENT - sizeOf(output) - sizeOf(system) - sizeOf(tools);
  const kept = latest(input, room);
  const names = CONTENT_ATTRIBUTES;
  return {
    ...(kept.length > 0 && { [names.input]: kept }),
    ...(output.length > 0 && {
      [names.output]: [
        { role: "assistant", parts: output, finish_reason: response?.finish_reason ?? "unknown" },
      ],
    }),
    ...(system.length > 0 && { [names.system]: system }),
    ...(tools.length > 0 && { [names.tools]: tools }),
    ...(kept.length < input.length && { [names.truncated]: true }),
  };
}

function inputMessage(message: Message): ContentMessage {
  const role = message.role === "model" ? "assistant" : String(message.role);
  if (isInstruction(message)) {
    return { role: "system", parts: [{ type: "text", content: textOf(message.content) }] };
  }
  return { role, parts: partsOf(message).map(partOf) };
}

function partOf(part: TurnPart): Part {
  switch (part.kind) {
    case "text":
      return { type: "text", content: part.text };
    case "thinking":
      return { type: "reasoning", content: part.text };
    case "call":
      return { type: "tool_call", id: part.id ?? null, name: part.name, arguments: parsed(part.given) };
    case "result":
      return { type: "tool_call_response", id: part.id ?? null, response: part.text };
    case "error":
      return { type: "error", content: part.text };
    case "media":
    case "other":
      return { type: part.type };
  }
}

function toolCall({ id, name, arguments: given }: Record<string, unknown>): Part {
  return {
    type: "tool_call",
    id: stringOf(id) ?? null,
    name: stringOf(name) ?? "tool",
    arguments: given ?? null,
  };
}

/** Name and description; parameters are large and left out, as the conventions recommend. */
function toolDefinition(tool: unknown): Part[] {
  const { type, name, description, function: inner } = objectOf(tool);
  const own = objectOf(inner);
  const called = stringOf(name) ?? stringOf(own.name);
  if (called === undefined) return [];
  const purpose = stringOf(description) ?? stringOf(own.description);
  return [
    {
      type: stringOf(type) ?? "function",
      name: called,
      ...(purpose !== undefined && { description: purpose }),
    },
  ];
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json; // a model can produce invalid JSON
  }
}

const sizeOf = (value: unknown) => JSON.stringify(value).length;

/** The last messages that fit. */
function latest(messages: readonly ContentMessage[], room: number): readonly ContentMessage[] {
  let left = room;
  let first = messages.length;
  while (first > 0) {
    left -= sizeOf(messages[first - 1]);
    if (left < 0) break;
    first -= 1;
  }
  return messages.slice(first);
}
