// Chat completions as the SDKs of OpenAI and Groq return them.
import { GrowingCalls, parsed, someOf } from "./sdk-cases.mjs";

export function readCompletion(completion, answer) {
  const [first, ...others] = completion.choices;
  Object.assign(answer, choiceOf(first), {
    model: completion.model,
    usage: usageOf(completion.usage),
    choices: others.length > 0 ? completion.choices.map(choiceOf) : undefined,
  });
}

function choiceOf({ message, finish_reason }) {
  return {
    content: message.content || undefined,
    finish_reason,
    tool_calls: someOf(
      message.tool_calls?.map((call) => ({
        id: call.id,
        name: call.function.name,
        arguments: parsed(call.function.arguments),
      })),
    ),
    reasoning: message.reasoning ?? message.reasoning_content,
  };
}

export async function readChunks(chunks, answer) {
  const choices = [];
  for await (const chunk of chunks) {
    answer.model = chunk.model;
    answer.usage = usageOf(chunk.usage ?? chunk.x_groq?.usage) ?? answer.usage;
    // Perplexity's, which its types do not know.
    answer.citations = chunk.citations ?? answer.citations;
    for (const { index, delta, finish_reason } of chunk.choices) {
      choices[index] ??= { calls: new GrowingCalls(), read: {} };
      const { calls, read } = choices[index];
      for (const call of delta.tool_calls ?? [])
        calls.add(call.index, { id: call.id, name: call.function?.name, input: call.function?.arguments });
      grow(read, "content", delta.content);
      grow(read, "reasoning", delta.reasoning ?? delta.reasoning_content);
      if (finish_reason) read.finish_reason = finish_reason;
      read.tool_calls = finish_reason ? calls.list : undefined;
      if (index === 0) Object.assign(answer, read);
    }
  }
  if (choices.length > 1) answer.choices = choices.map(({ read }) => read);
}

function grow(read, field, piece) {
  if (piece) read[field] = (read[field] ?? "") + piece;
}

export function usageOf(usage) {
  return (
    usage && {
      input_tokens: usage.prompt_tokens,
      output_tokens: outputOf(usage),
      total_tokens: usage.total_tokens,
      cache_read_tokens: usage.prompt_tokens_details?.cached_tokens,
      reasoning_tokens: usage.completion_tokens_details?.reasoning_tokens,
    }
  );
}

/** With reasoning, as events count: some providers (xAI) count it beside, as their total tells. */
function outputOf({ prompt_tokens, completion_tokens, total_tokens, completion_tokens_details }) {
  const reasoning = completion_tokens_details?.reasoning_tokens ?? 0;
  const isBeside = total_tokens === prompt_tokens + completion_tokens + reasoning;
  return isBeside ? completion_tokens + reasoning : completion_tokens;
}
