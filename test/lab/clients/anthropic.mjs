// The official SDK, as a program that knows nothing of us. Prints what its caller gets: content and model.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ apiKey: process.env.ANTHROPIC_API_KEY, maxRetries: 0 });
const request = {
  model: "claude-sonnet-5",
  max_tokens: 64,
  messages: [{ role: "user", content: "Hello" }],
};
const answer =
  process.argv[2] === "stream"
    ? await client.messages.stream(request).finalMessage()
    : await client.messages.create(request);
console.log(JSON.stringify({ content: answer.content[0].text, model: answer.model }));
