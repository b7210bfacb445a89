// The official SDK, as a program that knows nothing of us. Prints what its caller gets: content and model.
import OpenAI from "openai";

const stream = process.argv[2] === "stream";
const request = { model: "gpt-4", messages: [{ role: "user", content: "Hello" }], stream };
const answer = await new OpenAI({
  apiKey: process.env.OPENAI_API_KEY,
  maxRetries: 0,
}).chat.completions.create(request);
if (stream) {
  let content = "";
  let model;
  for await (const chunk of answer) {
    content += chunk.choices[0]?.delta.content ?? "";
    model = chunk.model;
  }
  console.log(JSON.stringify({ content, model }));
} else {
  console.log(JSON.stringify({ content: answer.choices[0].message.content, model: answer.model }));
}
