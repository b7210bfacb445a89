/** Requests with a known right answer, for the embedded bundle: `METHOD host[:port]/path`, level, source. */
export const ANSWERS: ReadonlyArray<readonly [request: string, answer: string]> = [
  ["POST api.openai.com/v1/chat/completions", "full_trace api:openai"],
  ["POST API.OpenAI.com./v1/chat/completions", "full_trace api:openai"],
  ["POST api.anthropic.com/v1/messages", "full_trace api:anthropic"],
  ["POST api.anthropic.com/v1/messages?beta=true", "full_trace api:anthropic"],
  ["POST api.anthropic.com/api/event_logging/batch", "identifiable api:anthropic"],
  ["GET openrouter.ai/blog", "identifiable api:openrouter"],
  ["POST openrouter.ai/api/v1/chat/completions", "full_trace api:openrouter"],
  [
    "POST bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-v2/invoke",
    "full_trace api:aws_bedrock",
  ],
  ["POST bedrock-runtime-fips.us-gov-west-1.amazonaws.com/model/m/converse", "full_trace api:aws_bedrock"],
  ["POST bedrock-runtime.cn-north-1.amazonaws.com.cn/model/m/converse-stream", "full_trace api:aws_bedrock"],
  ["GET bedrock.s3.amazonaws.com/", "drop"],
  [
    "POST us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/google/models/gemini-2.5-pro:generateContent",
    "full_trace api:google_vertex",
  ],
  ["POST localhost:11434/api/chat", "full_trace api:ollama"],
  ["POST localhost:3000/api/chat", "drop"],
  ["POST chatgpt.com/backend-api/f/conversation", "full_trace website:chatgpt"],
  ["POST claude.ai/api/organizations/o/chat_conversations/c/completion", "full_trace website:claude"],
  ["POST www.perplexity.ai/rest/sse/perplexity_ask", "full_trace website:perplexity"],
  ["POST stream.api.granola.ai/v1/chat-with-documents", "full_trace app:granola"],
  ["POST evilgranola.ai/v1/chat-with-documents", "drop"],
  ["GET example.com/", "drop"],
];
