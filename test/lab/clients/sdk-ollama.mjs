// The official SDK of Ollama, talking to a server on this machine.
import { Ollama } from "ollama";
import { answerCases, joined, someOf } from "./sdk-cases.mjs";

const askers = {
  ollama_chat: (client, question) => client.chat(question),
  ollama_generate: (client, question) => client.generate(question),
  openai_embeddings: (client, question) => client.embed(question),
};

function read({ model, message, response, done_reason, embeddings, ...counts }, answer) {
  answer.model = model;
  answer.content = joined([answer.content, message?.content ?? response]);
  answer.reasoning = joined([answer.reasoning, message?.thinking]);
  answer.finish_reason = done_reason ?? answer.finish_reason;
  answer.embeddings = embeddings?.length;
  answer.tool_calls =
    someOf(message?.tool_calls?.map(({ function: called }) => ({ ...called }))) ?? answer.tool_calls;
  answer.usage = { input_tokens: counts.prompt_eval_count, output_tokens: counts.eval_count };
}

await answerCases(async ({ format, host, question, headers }, answer) => {
  const client = new Ollama({ host: `http://${host}`, headers });
  // The API streams unless told otherwise, its client does not.
  const stream = format !== "openai_embeddings" && question.stream !== false;
  const got = await askers[format](client, { ...question, stream });
  for await (const part of stream ? got : [got]) read(part, answer);
});
