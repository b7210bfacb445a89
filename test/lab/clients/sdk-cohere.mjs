// The official SDK of Cohere, for both versions of its chat.
import { CohereClient, CohereClientV2 } from "cohere-ai";
import { answerCases, camelCased, GrowingCalls, joined, parsed, someOf } from "./sdk-cases.mjs";

const options = { token: process.env.API_KEY };
const first = new CohereClient(options);
const second = new CohereClientV2(options);

const askers = {
  async cohere_chat({ path, question: { stream, ...question }, ...one }, answer) {
    const requestOptions = { headers: one.headers, maxRetries: 0 };
    if (path === "/v1/chat") return chatOfOld(camelCased(question), stream, requestOptions, answer);
    if (stream) return readEvents(await second.chatStream(question, requestOptions), answer);
    const { message, finishReason, usage } = await second.chat(question, requestOptions);
    Object.assign(answer, {
      content: joined((message.content ?? []).map((part) => part.text)),
      reasoning: joined([...(message.content ?? []).map((part) => part.thinking), message.toolPlan]),
      tool_calls: someOf(message.toolCalls?.map(({ id, function: called }) => callOf(id, called))),
      finish_reason: finishReason,
      usage: usageOf(usage),
    });
  },
  async cohere_embed({ question, headers }, answer) {
    const { embeddings, meta } = await second.embed(camelCased(question), { headers });
    answer.embeddings = embeddings.float.length;
    answer.usage = { input_tokens: meta.billedUnits.inputTokens };
  },
  async rerank({ question, headers }, answer) {
    const { results } = await second.rerank(camelCased(question), { headers });
    answer.results = results.map(({ index, relevanceScore }) => ({ index, relevance_score: relevanceScore }));
  },
};

async function chatOfOld(question, stream, requestOptions, answer) {
  const read = ({ text, finishReason, toolCalls, meta }) =>
    Object.assign(answer, {
      content: text,
      finish_reason: finishReason,
      tool_calls: someOf(toolCalls?.map(({ name, parameters }) => ({ name, arguments: parameters }))),
      usage: usageOf(meta),
    });
  if (!stream) return read(await first.chat(question, requestOptions));
  for await (const event of await first.chatStream(question, requestOptions)) {
    if (event.eventType === "stream-end") read(event.response);
  }
}

async function readEvents(events, answer) {
  const calls = new GrowingCalls();
  for await (const { type, index, delta } of events) {
    const { content, toolPlan, toolCalls, citations } = delta?.message ?? {};
    if (content) answer.content = joined([answer.content, content.text]);
    if (content) answer.reasoning = joined([answer.reasoning, content.thinking]);
    if (toolPlan) answer.reasoning = joined([answer.reasoning, toolPlan]);
    if (type === "tool-call-start" || type === "tool-call-delta")
      calls.add(index, {
        id: toolCalls.id,
        name: toolCalls.function.name,
        input: toolCalls.function.arguments,
      });
    if (type === "citation-start") answer.citations = [...(answer.citations ?? []), citations];
    if (type !== "message-end") continue;
    answer.finish_reason = delta.finishReason;
    answer.usage = usageOf(delta.usage);
    answer.tool_calls = calls.list;
  }
}

const callOf = (id, called) => ({ id, name: called.name, arguments: parsed(called.arguments) });

const usageOf = ({ tokens, cachedTokens }) => ({
  input_tokens: tokens.inputTokens,
  output_tokens: tokens.outputTokens,
  cache_read_tokens: cachedTokens,
});

await answerCases((one, answer) => askers[one.format](one, answer));
