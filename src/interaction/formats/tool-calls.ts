import type { ToolCall } from "../interaction.js";
import { jsonOrText, present, wordOf } from "../json.js";

/** A call as the model made it; arguments that came as a string of JSON are parsed. */
export function toolCall(id: unknown, name: unknown, given: unknown): ToolCall {
  return present<ToolCall>({
    id: wordOf(id),
    name: wordOf(name),
    arguments: typeof given === "string" ? jsonOrText(given) : (given ?? undefined),
  });
}

/** The list, or nothing when it is empty: events leave out what did not happen. */
export function someOf<T>(list: readonly T[]): T[] | undefined {
  return list.length > 0 ? [...list] : undefined;
}
