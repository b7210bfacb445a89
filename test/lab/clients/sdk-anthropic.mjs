// The official SDK of Anthropic.
import Anthropic from "@anthropic-ai/sdk";
import { answerCases, joined, someOf } from "./sdk-cases.mjs";

const askers = {
  async anthropic_messages(client, { question, headers }, answer) {
    const { stream: streamed, ...rest } = question;
    if (!streamed) return readMessage(await client.messages.create(rest, { headers }), answer);
    const stream = client.messages.stream(rest, { headers });
    try {
      readMessage(await stream.finalMessage(), answer);
    } catch (error) {
      if (stream.currentMessage) readMessage(stream.currentMessage, answer);
      throw error;
    }
  },
  async anthropic_count_tokens(client, { question, headers }, answer) {
    answer.usage = await client.messages.countTokens(question, { headers });
  },
  async anthropic_batches(client, { question, headers }, answer) {
    const batch = await client.messages.batches.create(question, { headers });
    Object.assign(answer, { id: batch.id, status: batch.processing_status, counts: batch.request_counts });
  },
};

function readMessage({ model, content, stop_reason, usage }, answer) {
  Object.assign(answer, {
    model,
    content: joined(content.map((block) => block.text)),
    reasoning: joined(content.map((block) => block.thinking)),
    citations: someOf(content.flatMap((block) => block.citations ?? [])),
    finish_reason: stop_reason ?? undefined,
    tool_calls: someOf(
      content
        .filter(({ type }) => type.endsWith("tool_use"))
        .map(({ id, name, input }) => ({ id, name, arguments: input })),
    ),
    usage: {
      // With everything cached, as events count.
      input_tokens:
        usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0),
      output_tokens: usage.output_tokens,
      cache_read_tokens: usage.cache_read_input_tokens ?? undefined,
      cache_creation_tokens: usage.cache_creation_input_tokens ?? undefined,
    },
  });
}

await answerCases((one, answer) => {
  const [base] = one.path.split("/v1/");
  const baseURL = `https://${one.host}${base}`;
  const client = new Anthropic({ apiKey: process.env.API_KEY, baseURL, maxRetries: 0 });
  return askers[one.format](client, one, answer);
});
