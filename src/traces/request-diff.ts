/** Differences between two requests, and where the provider's cached prefix of the first ends in the second. */

import type { OximyEvent } from "../event/event.js";
import type { InteractionRequest } from "../interaction/interaction.js";
import { isObject, listOf, objectOf, stringOf } from "../interaction/json.js";

export interface TextChange {
  /** First line that differs, from 1. */
  readonly line: number;
  readonly before: string;
  readonly after: string;
}

export interface RequestDiff {
  /** Absent when it is the same. */
  readonly system?: TextChange;
  readonly tools: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly string[];
    readonly reordered: boolean;
  };
  readonly messages: {
    /** Number of identical messages at the beginning. */
    readonly same: number;
    readonly before: number;
    readonly after: number;
    /** The first difference; absent when one conversation is a prefix of the other. */
    readonly change?: TextChange & { readonly role: string };
  };
  /** Other fields, as JSON. */
  readonly fields: readonly { readonly name: string; readonly before: string; readonly after: string }[];
  readonly cache: {
    /** Tokens that the second call read from the cache, and its total input; absent when not reported. */
    readonly read?: number;
    readonly input?: number;
    /** Where the prefixes diverge: providers cache tools, then the system prompt, then the messages. */
    readonly lostAt: "model" | "tools" | "system" | "messages" | "nowhere";
  };
}

/** Compared separately, or redundant. */
const APART = new Set(["messages", "system", "tools", "_raw", "input", "prompt", "previous_response_id"]);

export function diffRequests(first: OximyEvent, second: OximyEvent): RequestDiff {
  const [a, b] = [first, second].map(({ interaction }) => interaction?.request ?? {}) as [
    InteractionRequest,
    InteractionRequest,
  ];
  const [systemA, systemB] = [systemOf(a), systemOf(b)];
  const system = textChange(systemA, systemB);
  const tools = toolChanges(a.tools, b.tools);
  const messages = messageChanges(conversationOf(a), conversationOf(b));
  const usage = second.interaction?.response?.usage;
  const hasToolChange =
    tools.reordered || [tools.added, tools.removed, tools.changed].some((names) => names.length > 0);
  return {
    ...(system && { system }),
    tools,
    messages,
    fields: fieldChanges(a, b),
    cache: {
      ...(usage?.cache_read_tokens !== undefined && { read: usage.cache_read_tokens }),
      ...(usage?.input_tokens !== undefined && { input: usage.input_tokens }),
      lostAt:
        a.model !== b.model
          ? "model"
          : hasToolChange
            ? "tools"
            : system
              ? "system"
              : messages.same < messages.before
                ? "messages"
                : "nowhere",
    },
  };
}

/** The system prompt, from `system` or from messages. */
export function systemOf({ system, messages }: InteractionRequest): string {
  const own = listOf(messages)
    .map(objectOf)
    .filter(({ role }) => role === "system" || role === "developer")
    .map(({ content }) => content);
  return [system, ...own].map(textOf).filter(Boolean).join("\n");
}

function conversationOf({ messages, prompt }: InteractionRequest): readonly unknown[] {
  const text = stringOf(prompt);
  if (messages === undefined && text !== undefined) return [{ role: "user", content: text }];
  return listOf(messages).filter((message) => !/^(system|developer)$/.test(String(objectOf(message).role)));
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (content === undefined || content === null) return "";
  return listOf(content)
    .map((part) => stringOf(objectOf(part).text) ?? json(part))
    .join("\n");
}

/** As JSON without cache marks, which move from request to request. */
function json(value: unknown): string {
  return (
    JSON.stringify(value, (key, member: unknown) => {
      if (key === "cache_control") return undefined;
      // A string and a list of one text part are equivalent.
      return key === "content" && typeof member === "string" ? [{ type: "text", text: member }] : member;
    }) ?? ""
  );
}

function textChange(before: string, after: string): TextChange | undefined {
  if (before === after) return undefined;
  const [linesBefore, linesAfter] = [before.split("\n"), after.split("\n")];
  let at = 0;
  while (at < linesBefore.length && linesBefore[at] === linesAfter[at]) at += 1;
  return { line: at + 1, before: linesBefore[at] ?? "", after: linesAfter[at] ?? "" };
}

function toolChanges(before: unknown, after: unknown): RequestDiff["tools"] {
  const [a, b] = [namedTools(before), namedTools(after)];
  const both = [...a.keys()].filter((name) => b.has(name));
  const order = [...b.keys()].filter((name) => a.has(name));
  return {
    added: [...b.keys()].filter((name) => !a.has(name)),
    removed: [...a.keys()].filter((name) => !b.has(name)),
    changed: both.filter((name) => a.get(name) !== b.get(name)),
    reordered: both.some((name, at) => order[at] !== name),
  };
}

/** In the order of the request. */
export const toolNames = (tools: unknown): string[] => [...namedTools(tools).keys()];

function namedTools(tools: unknown): Map<string, string> {
  // Gemini nests lists.
  const flat = listOf(tools).flatMap((tool) => {
    const inner = objectOf(tool).functionDeclarations ?? objectOf(tool).function_declarations;
    return Array.isArray(inner) ? inner : [tool];
  });
  return new Map(
    flat.filter(isObject).map((tool) => {
      const name = tool.name ?? objectOf(tool.function).name ?? objectOf(tool.toolSpec).name ?? tool.type;
      return [String(name ?? "unnamed"), json(tool)];
    }),
  );
}

function messageChanges(before: readonly unknown[], after: readonly unknown[]): RequestDiff["messages"] {
  let same = 0;
  while (same < before.length && same < after.length && json(before[same]) === json(after[same])) same += 1;
  const counts = { same, before: before.length, after: after.length };
  if (same === before.length || same === after.length) return counts;
  const [one, other] = [objectOf(before[same]), objectOf(after[same])];
  const change = textChange(textOf(one.content), textOf(other.content)) ??
    textChange(json(one), json(other)) ?? { line: 1, before: "", after: "" };
  return { ...counts, change: { ...change, role: String(other.role) } };
}

function fieldChanges(a: InteractionRequest, b: InteractionRequest): RequestDiff["fields"] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => !APART.has(name));
  return names.flatMap((name) => {
    const [before, after] = [json(a[name]), json(b[name])];
    return before === after ? [] : [{ name, before, after }];
  });
}
