import type { StreamChunk } from "../interaction.js";
import {
  booleanOf,
  isObject,
  type JsonObject,
  listOf,
  numberOf,
  objectOf,
  present,
  wordOf,
} from "../json.js";
import { deploymentInPath } from "../model-in-path.js";
import { textOf } from "../text.js";
import { laterUsage, usageOf } from "../usage.js";
import { assign, type Growing } from "./assembly.js";
import { someOf } from "./tool-calls.js";
import type { WireFormat } from "./wire-format.js";

/** OpenAI's legacy completions (platform.openai.com/docs/api-reference/completions), and fill-in-the-middle. */
export const openaiCompletions: WireFormat = {
  id: "openai_completions",
  type: "completion",
  request: (fields, exchange) =>
    present({
      prompt: fields.prompt,
      suffix: wordOf(fields.suffix),
      model: wordOf(fields.model) ?? deploymentInPath(exchange.path),
      stream: booleanOf(fields.stream),
      temperature: numberOf(fields.temperature),
      max_tokens: numberOf(fields.max_tokens),
    }),
  response: (fields) => {
    const choices = listOf(fields.choices).map(objectOf);
    const texts = choices.map((choice) =>
      textOf(choice.text ?? objectOf(choice.message).content ?? undefined),
    );
    return present({
      content: texts[0],
      model: wordOf(fields.model),
      finish_reason: wordOf(choices[0]?.finish_reason),
      usage: usageOf(fields.usage),
      choices: someOf(texts.slice(1)) && texts.map((content) => present({ content })),
    });
  },
  assemble: assembleCompletion,
};

function assembleCompletion(chunks: readonly StreamChunk[]): JsonObject {
  const document: Growing = {};
  let usage: JsonObject | undefined;
  const choices: { text: string; finish_reason?: unknown }[] = [];
  for (const { data } of chunks) {
    if (!isObject(data)) continue;
    usage = laterUsage(usage, data.usage);
    assign(document, present(data));
    for (const choice of listOf(data.choices).map(objectOf)) {
      usage = laterUsage(usage, choice.usage);
      const index = Math.min(numberOf(choice.index) ?? 0, choices.length);
      choices[index] ??= { text: "" };
      choices[index].text += textOf(choice.text ?? objectOf(choice.delta).content ?? undefined) ?? "";
      if (choice.finish_reason) choices[index].finish_reason = choice.finish_reason;
    }
  }
  return present({ ...document, choices, usage });
}
