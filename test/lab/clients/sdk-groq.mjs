// The official SDK of Groq.
import Groq from "groq-sdk";
import { answerCases } from "./sdk-cases.mjs";
import { readChunks, readCompletion } from "./sdk-chat-completions.mjs";

const client = new Groq({ apiKey: process.env.API_KEY, maxRetries: 0 });

await answerCases(async ({ question, headers }, answer) => {
  const completion = await client.chat.completions.create(question, { headers });
  if (question.stream) await readChunks(completion, answer);
  else readCompletion(completion, answer);
});
