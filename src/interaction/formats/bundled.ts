import { booleanOf, numberOf, objectOf, present, wordOf } from "../json.js";
import { textOf } from "../text.js";
import { usageOf } from "../usage.js";
import { type Growing, mergeDelta } from "./assembly.js";
import { messagesOf } from "./messages.js";
import { openaiPart } from "./openai-chat.js";
import type { WireFormat } from "./wire-format.js";

/**
 * A format only defined by the bundle, read entirely by its paths. Streams are read by the bundle's delta path.
 */
export function bundledFormat(id: string): WireFormat {
  return {
    id,
    type: "chat",
    parserId: id,
    guessed: true,
    request: (fields) =>
      present({
        system: fields.system ?? fields.system_instruction,
        messages: messagesOf(fields.messages ?? fields.contents, openaiPart),
        prompt: fields.prompt ?? fields.message,
        model: wordOf(fields.model),
        stream: booleanOf(fields.stream),
        temperature: numberOf(fields.temperature) ?? numberOf(objectOf(fields.generation_config).temperature),
        max_tokens:
          numberOf(fields.max_tokens) ?? numberOf(objectOf(fields.generation_config).max_output_tokens),
        tools: fields.tools,
      }),
    response: (fields) =>
      present({
        content: textOf(fields.content ?? undefined),
        model: wordOf(fields.model),
        finish_reason: wordOf(fields.finish_reason) ?? wordOf(fields.stop_reason),
        usage: usageOf(fields.usage),
      }),
    assemble: (chunks, deltaOf) => {
      const document: Growing = {};
      const merged: Growing = {};
      for (const { data } of chunks) {
        Object.assign(document, objectOf(data));
        const piece = deltaOf?.(data);
        mergeDelta(merged, typeof piece === "string" ? { content: piece } : objectOf(piece));
      }
      return { ...document, ...merged };
    },
  };
}
