import type { ToolCall } from "../interaction.js";
import { jsonOrText, present, wordOf } from "../json.js";

/** A tool call by the model; arguments in a JSON string are parsed. */
export function toolCall(id: unknown, name: unknown, given: unknown): ToolCall {
  return present<ToolCall>({
    id: wordOf(id),
    name: wordOf(name),
    arguments: typeof given === "string" ? jsonOrText(given) : (given ?? undefined),
  });
}

/** The list, or undefined when it is empty: events omit what did not happen. */
export function someOf<T>(list: readonly T[]): T[] | undefined {
  return list.length > 0 ? [...list] : undefined;
}
