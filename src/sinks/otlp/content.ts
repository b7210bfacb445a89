/**
 * What was said and answered, in the shape of the conventions' schemas (gen-ai-input-messages.json,
 * gen-ai-output-messages.json, gen-ai-system-instructions.json, gen-ai-tool-definitions.json at the commit that
 * mapping.ts tells). Values in, values out.
 */

import type { OximyEvent } from "../../event/event.js";
import type { Message } from "../../interaction/interaction.js";
import { isObject, listOf, objectOf, stringOf } from "../../interaction/json.js";
import { isInstruction, partsOf, type Part as SaidPart, textOf } from "../../traces/turn.js";
import { CONTENT_ATTRIBUTES } from "./mapping.js";

export type Part = Readonly<Record<string, unknown>> & { readonly type: string };
export interface ContentMessage {
  readonly role: string;
  readonly parts: readonly Part[];
}

/** Characters of one event's content; of a longer conversation the beginning is left out. */
export const MAX_CONTENT = 512 << 10;

/** Attributes with structured values; none where there is nothing. */
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
  const said: ContentMessage[] = [
    ...messages.map(inputMessage),
    ...(prompt === undefined ? [] : [{ role: "user", parts: [{ type: "text", content: prompt }] }]),
  ];
  const room = MAX_CONTENT - sizeOf(output) - sizeOf(system) - sizeOf(tools);
  const kept = latest(said, room);
  const { input, output: out, system: sys, tools: defs, truncated } = CONTENT_ATTRIBUTES;
  return {
    ...(kept.length > 0 && { [input]: kept }),
    ...(output.length > 0 && {
      [out]: [{ role: "assistant", parts: output, finish_reason: response?.finish_reason ?? "unknown" }],
    }),
    ...(system.length > 0 && { [sys]: system }),
    ...(tools.length > 0 && { [defs]: tools }),
    ...(kept.length < said.length && { [truncated]: true }),
  };
}

function inputMessage(message: Message): ContentMessage {
  const role = message.role === "model" ? "assistant" : String(message.role);
  if (isInstruction(message)) {
    return { role: "system", parts: [{ type: "text", content: textOf(message.content) }] };
  }
  return { role, parts: partsOf(message).map(partOf) };
}

function partOf(said: SaidPart): Part {
  switch (said.kind) {
    case "text":
      return { type: "text", content: said.text };
    case "thinking":
      return { type: "reasoning", content: said.text };
    case "call":
      return { type: "tool_call", id: said.id ?? null, name: said.name, arguments: parsed(said.given) };
    case "result":
      return { type: "tool_call_response", id: said.id ?? null, response: said.text };
    case "error":
      return { type: "error", content: said.text };
    case "media":
    case "other":
      return { type: said.type };
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

/** Their names and what they are for; parameters are large, and are left out as the conventions recommend. */
function toolDefinition(tool: unknown): Part[] {
  const { type, name, description, function: inner } = objectOf(tool);
  const own = objectOf(inner);
  const called = stringOf(name) ?? stringOf(own.name);
  if (called === undefined) return [];
  const told = stringOf(description) ?? stringOf(own.description);
  return [
    { type: stringOf(type) ?? "function", name: called, ...(told !== undefined && { description: told }) },
  ];
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json; // a model can write what is no JSON
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
