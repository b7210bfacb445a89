/** One call by an official SDK, as its documentation shows it: `sdk.mjs NAME [stream]`. API_KEY is its credential. */
const [name, mode] = process.argv.slice(2);
const stream = mode === "stream";
const { API_KEY: apiKey } = process.env;
const messages = [{ role: "user", content: "Hello" }];

const callers = {
  async openai() {
    const { default: OpenAI } = await import("openai");
    const client = new OpenAI({ apiKey, maxRetries: 0 });
    return client.chat.completions.create({ model: "gpt-4o", messages, stream });
  },
  async responses() {
    const { default: OpenAI } = await import("openai");
    const client = new OpenAI({ apiKey, maxRetries: 0 });
    return client.responses.create({ model: "gpt-4o", input: "Hello", stream });
  },
  async anthropic() {
    const { default: Anthropic } = await import("@anthropic-ai/sdk");
    const client = new Anthropic({ apiKey, maxRetries: 0 });
    return client.messages.create({ model: "claude-sonnet-5", max_tokens: 100, messages, stream });
  },
  async google() {
    const { GoogleGenAI } = await import("@google/genai");
    const { models } = new GoogleGenAI({ apiKey });
    const request = { model: "gemini-2.5-flash", contents: "Hello" };
    return stream ? models.generateContentStream(request) : models.generateContent(request);
  },
  async cohere() {
    const { CohereClientV2 } = await import("cohere-ai");
    const client = new CohereClientV2({ token: apiKey });
    const request = { model: "command-a-03-2025", messages };
    const options = { maxRetries: 0 };
    return stream ? client.chatStream(request, options) : client.chat(request, options);
  },
  async mistral() {
    const { Mistral } = await import("@mistralai/mistralai");
    const { chat } = new Mistral({ apiKey, retryConfig: { strategy: "none" } });
    const request = { model: "mistral-small-latest", messages };
    return stream ? chat.stream(request) : chat.complete(request);
  },
  async groq() {
    const { default: Groq } = await import("groq-sdk");
    const client = new Groq({ apiKey, maxRetries: 0 });
    return client.chat.completions.create({ model: "llama-3.3-70b-versatile", messages, stream });
  },
  async ollama() {
    const { Ollama } = await import("ollama");
    const client = new Ollama({ host: "https://ollama.com", headers: { authorization: `Bearer ${apiKey}` } });
    return client.chat({ model: "gpt-oss:120b", messages, stream });
  },
  async bedrock() {
    const { BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand } = await import(
      "@aws-sdk/client-bedrock-runtime"
    );
    const credentials = { accessKeyId: apiKey, secretAccessKey: "for signing only" };
    const client = new BedrockRuntimeClient({ region: "us-east-1", maxAttempts: 1, credentials });
    const input = {
      modelId: "amazon.nova-lite-v1:0",
      messages: [{ role: "user", content: [{ text: "Hello" }] }],
    };
    if (!stream) return client.send(new ConverseCommand(input));
    return (await client.send(new ConverseStreamCommand(input))).stream;
  },
};

const answer = await callers[name]();
let parts = 0;
if (stream) for await (const _ of answer) parts++;
if (stream && parts === 0) throw new Error("the stream was empty");
console.log("ok");
process.exit(0); // whatever the SDK keeps open
