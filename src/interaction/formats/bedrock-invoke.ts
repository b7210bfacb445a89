import type { DecodedExchange, Message, StreamChunk } from "../interaction.js";
import { isObject, type JsonObject, listOf, numberOf, objectOf, present, stringOf, wordOf } from "../json.js";
import { modelInPath } from "../model-in-path.js";
import { textOf } from "../text.js";
import { usageOf } from "../usage.js";
import { anthropicMessages } from "./anthropic-messages.js";
import { bedrockConverse } from "./bedrock.js";
import { cohereChat } from "./cohere.js";
import { openaiChat } from "./openai-chat.js";
import type { WireFormat } from "./wire-format.js";

/**
 * Amazon Bedrock's InvokeModel: the body has the vendor's own format
 * (docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html).
 */
export const bedrockInvoke: WireFormat = {
  id: "bedrock_invoke",
  type: "chat",
  request: (fields, exchange) =>
    present({
      ...vendorOf(exchange, fields).request(fields, exchange),
      model: modelInPath(exchange.path),
      stream: exchange.path.endsWith("-response-stream") ? true : undefined,
    }),
  response: (fields, exchange) => {
    const response = vendorOf(exchange, fields).response(fields, exchange);
    return present({
      ...response,
      model: response.model ?? modelInPath(exchange.path),
      usage: response.usage ?? usageOf(fields["amazon-bedrock-invocationMetrics"]),
    });
  },
  assemble: (chunks, delta) => {
    const metrics = objectOf(
      chunks.map(({ data }) => objectOf(data)["amazon-bedrock-invocationMetrics"]).find(isObject),
    );
    const answers = chunks.filter(({ data }) => objectOf(data).error === undefined);
    const { error } = objectOf(chunks.find(({ data }) => objectOf(data).error !== undefined)?.data);
    const document = answers.length > 0 ? assembleVendor(answers, delta) : {};
    return present({
      ...document,
      "amazon-bedrock-invocationMetrics": metrics,
      error: error ?? document.error,
    });
  },
};

/**
 * docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens: contains the body of one of the two other
 * calls.
 */
export const bedrockTokenCount: WireFormat = {
  id: "bedrock_count_tokens",
  type: "token_count",
  request: (fields, exchange) => {
    const { converse } = objectOf(fields.input);
    return present({
      ...(isObject(converse) ? bedrockConverse.request(converse, exchange) : {}),
      model: modelInPath(exchange.path),
    });
  },
  response: (fields, { path }) => present({ model: modelInPath(path), usage: usageOf(fields) }),
};

/** Embeddings of Titan and Cohere via InvokeModel. */
export const bedrockEmbeddings: WireFormat = {
  id: "bedrock_embeddings",
  type: "embedding",
  request: (fields, { path }) =>
    present({ input: fields.inputText ?? fields.texts, model: modelInPath(path) }),
  response: (fields, { path }) => {
    const vectors = listOf(fields.embeddings).length || (Array.isArray(fields.embedding) ? 1 : 0);
    return present({
      model: modelInPath(path),
      embeddings: vectors > 0 ? vectors : undefined,
      usage: usageOf({ input_tokens: fields.inputTextTokenCount }),
    });
  },
};

/**
 * Determined by the model id, which contains the vendor: `eu.anthropic.claude-…`. The ARN of an inference profile does
 * not; then the bodies decide, as for models newer than this list.
 */
function vendorOf({ path, requestBody }: DecodedExchange, fields: JsonObject): WireFormat {
  const model = modelInPath(path) ?? "";
  if (/anthropic\./.test(model)) return anthropicMessages;
  if (/amazon\.nova/.test(model)) return bedrockConverse;
  if (/cohere\.command/.test(model)) return cohereChat;
  if (/(?:openai|qwen|deepseek\.v|mistral\.(?:mistral-large-24|pixtral))/.test(model)) return openaiChat;
  const question = requestBody.kind === "json" ? objectOf(requestBody.value) : {};
  if (question.anthropic_version !== undefined || fields.type === "message") return anthropicMessages;
  if (Array.isArray(fields.choices)) return openaiChat;
  if (isObject(objectOf(fields.output).message) || isObject(question.inferenceConfig)) return bedrockConverse;
  const { messages } = question;
  if (Array.isArray(messages) && fields === question && !/^ai21|meta|mistral|titan/.test(model))
    return openaiChat;
  return plainText;
}

/** The format is recognised from the chunks. */
const assembleVendor: NonNullable<WireFormat["assemble"]> = (chunks, delta) => {
  const first = objectOf(chunks[0]?.data);
  if (/^(?:message|content_block)_/.test(String(first.type)))
    return anthropicMessages.assemble!(chunks, delta);
  if (Array.isArray(first.choices)) return openaiChat.assemble!(chunks, delta);
  if (typeof first.event_type === "string" || typeof first.type === "string")
    return cohereChat.assemble!(chunks, delta);
  const name = Object.keys(first)[0] ?? "";
  if (/^(?:message|contentBlock)(?:Start|Delta)$/.test(name))
    return bedrockConverse.assemble!(chunks.flatMap(namedEvent), delta);
  return plainText.assemble!(chunks, delta);
};

/** Nova's chunks have the event's name as their only key. */
function namedEvent({ data }: StreamChunk): StreamChunk[] {
  const [event, payload] = Object.entries(objectOf(data))[0] ?? [];
  return event === undefined ? [] : [{ event, data: payload }];
}

/** Titan, Llama, Mistral and AI21: a prompt in, text out, under some ten names. */
const plainText: WireFormat = {
  id: "bedrock_text",
  type: "chat",
  request: (fields) => {
    const config = objectOf(fields.textGenerationConfig);
    return present({
      prompt: fields.prompt ?? fields.inputText,
      messages: Array.isArray(fields.messages)
        ? (fields.messages.filter(isObject) as unknown as Message[])
        : undefined,
      temperature: numberOf(fields.temperature) ?? numberOf(config.temperature),
      max_tokens:
        numberOf(fields.max_gen_len) ?? numberOf(fields.max_tokens) ?? numberOf(config.maxTokenCount),
    });
  },
  response: (fields) => {
    const result = objectOf(listOf(fields.results)[0] ?? listOf(fields.outputs)[0] ?? fields);
    const input = numberOf(fields.prompt_token_count) ?? numberOf(fields.inputTextTokenCount);
    const output = numberOf(fields.generation_token_count) ?? numberOf(result.tokenCount);
    return present({
      content: stringOf(result.outputText) ?? stringOf(result.generation) ?? textOf(result.text ?? undefined),
      finish_reason: wordOf(result.completionReason) ?? wordOf(result.stop_reason),
      usage: usageOf({ input_tokens: input, output_tokens: output }),
    });
  },
  assemble: (chunks) => {
    const pieces = chunks.map(({ data }) => objectOf(data));
    const results = pieces.map((piece) => objectOf(listOf(piece.outputs)[0] ?? piece));
    const text = results
      .map(({ outputText, generation, text }) => stringOf(outputText ?? generation ?? text) ?? "")
      .join("");
    const merged = Object.fromEntries(results.flatMap(Object.entries).filter(([, value]) => value !== null));
    return { ...merged, text: undefined, outputText: undefined, generation: text };
  },
};
