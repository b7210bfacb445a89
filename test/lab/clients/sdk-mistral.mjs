// The official SDK of Mistral.
import { Mistral } from "@mistralai/mistralai";
import { answerCases, camelCased, joined, parsed, someOf } from "./sdk-cases.mjs";

const client = new Mistral({ apiKey: process.env.API_KEY });

await answerCases(async ({ question, headers }, answer) => {
  const { stream, messages, ...others } = camelCased(question);
  const request = { ...others, messages: messages.map(withKnownRole) };
  if (!stream) {
    const { choices, ...completion } = await client.chat.complete(request, { headers });
    return read(completion, choices[0].message, choices[0].finishReason, answer);
  }
  for await (const { data } of await client.chat.stream(request, { headers }))
    read(data, data.choices[0].delta, data.choices[0].finishReason, answer);
});

/** Its API knows no developers. */
function withKnownRole(message) {
  return { ...message, role: message.role.replace("developer", "system") };
}

function read({ model, usage }, { content, toolCalls }, finishReason, answer) {
  const parts = typeof content === "string" ? [{ text: content }] : (content ?? []);
  answer.model = model;
  answer.content = joined([answer.content, ...parts.map((part) => part.text)]);
  answer.reasoning = joined([
    answer.reasoning,
    ...parts.flatMap((part) => (part.thinking ?? []).map((thought) => thought.text)),
  ]);
  answer.finish_reason = finishReason ?? undefined;
  answer.tool_calls = someOf(
    toolCalls?.map((call) => ({
      id: call.id,
      name: call.function.name,
      arguments: parsed(call.function.arguments),
    })),
  );
  answer.usage = usage && {
    input_tokens: usage.promptTokens,
    output_tokens: usage.completionTokens,
    total_tokens: usage.totalTokens,
  };
}
