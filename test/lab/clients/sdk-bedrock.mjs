// The official SDK of Amazon Bedrock.
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { readVendorEvent } from "./sdk-bedrock-bodies.mjs";
import { answerCases, GrowingCalls, joined, someOf } from "./sdk-cases.mjs";

function clientOf({ headers }) {
  const client = new BedrockRuntimeClient({
    region: "us-east-1",
    maxAttempts: 1,
    credentials: {
      accessKeyId: process.env.AWS_ACCESS_KEY_ID,
      secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
      sessionToken: process.env.AWS_SESSION_TOKEN,
    },
  });
  const marked = (next) => (args) => {
    Object.assign(args.request.headers, headers);
    return next(args);
  };
  client.middlewareStack.add(marked, { step: "build" });
  return client;
}

const askers = {
  async converse(client, input, answer) {
    const { output, stopReason, usage } = await client.send(new ConverseCommand(withBytes(input)));
    const blocks = output.message.content;
    Object.assign(answer, {
      content: joined(blocks.map((block) => block.text)),
      reasoning: joined(blocks.map((block) => block.reasoningContent?.reasoningText?.text)),
      tool_calls: someOf(
        blocks.flatMap(({ toolUse }) =>
          toolUse ? [{ id: toolUse.toolUseId, name: toolUse.name, arguments: toolUse.input }] : [],
        ),
      ),
      finish_reason: stopReason,
      usage: usageOf(usage),
    });
  },

  async "converse-stream"(client, input, answer) {
    const { stream } = await client.send(new ConverseStreamCommand(input));
    const calls = new GrowingCalls();
    for await (const { contentBlockStart, contentBlockDelta, messageStop, metadata } of stream) {
      const begun = contentBlockStart?.start?.toolUse;
      if (begun) calls.add(contentBlockStart.contentBlockIndex, { id: begun.toolUseId, name: begun.name });
      const { text, reasoningContent, toolUse } = contentBlockDelta?.delta ?? {};
      answer.content = joined([answer.content, text]);
      answer.reasoning = joined([answer.reasoning, reasoningContent?.text]);
      if (toolUse) calls.add(contentBlockDelta.contentBlockIndex, { input: toolUse.input });
      answer.finish_reason = messageStop?.stopReason ?? answer.finish_reason;
      answer.usage = usageOf(metadata?.usage);
    }
    answer.tool_calls = calls.list;
  },

  async invoke(client, { modelId, ...body }, answer) {
    const input = { modelId, body: JSON.stringify(body), contentType: "application/json" };
    const { body: bytes } = await client.send(new InvokeModelCommand(input));
    readVendorEvent(JSON.parse(bytes.transformToString()), answer);
  },

  async "invoke-with-response-stream"(client, { modelId, ...question }, answer) {
    const input = { modelId, body: JSON.stringify(question), contentType: "application/json" };
    const { body } = await client.send(new InvokeModelWithResponseStreamCommand(input));
    for await (const { chunk } of body) readVendorEvent(JSON.parse(Buffer.from(chunk.bytes)), answer);
  },
};

/** Bytes go as base64 in JSON, which the SDK does itself. */
function withBytes(value) {
  return JSON.parse(JSON.stringify(value), (name, field) =>
    name === "bytes" ? Buffer.from(field, "base64") : field,
  );
}

function usageOf(usage) {
  return (
    usage && {
      // With everything cached, as events count.
      input_tokens:
        usage.inputTokens + (usage.cacheReadInputTokens ?? 0) + (usage.cacheWriteInputTokens ?? 0),
      output_tokens: usage.outputTokens,
      // The provider's own total leaves the cached ones out in some of its answers.
      total_tokens: Math.max(
        usage.totalTokens,
        usage.inputTokens +
          (usage.cacheReadInputTokens ?? 0) +
          (usage.cacheWriteInputTokens ?? 0) +
          usage.outputTokens,
      ),
      cache_read_tokens: usage.cacheReadInputTokens,
      cache_creation_tokens: usage.cacheWriteInputTokens,
    }
  );
}

await answerCases((one, answer) => {
  const [, modelId, operation] = /^\/model\/([^/]+)\/(.*)$/.exec(one.path);
  const input = { modelId: decodeURIComponent(modelId), ...one.question };
  return askers[operation](clientOf(one), input, answer);
});
