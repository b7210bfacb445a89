// Bodies of the vendors, which Bedrock's SDK hands to its caller as bytes: the caller takes them apart.
import { joined, parsed } from "./sdk-cases.mjs";

/** A whole answer, or one event of a stream. */
export function readVendorEvent(body, answer) {
  const { message, delta, messageStop, metadata } = body;
  const whole = body.results?.[0] ?? body.outputs?.[0];
  const { text } = body.contentBlockDelta?.delta ?? delta ?? whole ?? {};
  const texts = body.content?.map((block) => block.text) ?? [];
  answer.model = message?.model ?? body.model ?? answer.model;
  answer.content = joined([answer.content, text, whole?.outputText, body.generation, ...texts]);
  answer.finish_reason =
    delta?.stop_reason ??
    whole?.stop_reason ??
    whole?.completionReason ??
    messageStop?.stopReason ??
    body.stop_reason ??
    answer.finish_reason;
  if (body.embedding) answer.embeddings = 1;
  readTools(body, answer);
  const counted = message?.usage ?? body.usage ?? metadata?.usage;
  const counts = {
    input_tokens:
      withCached(counted) ??
      counted?.inputTokens ??
      body.prompt_token_count ??
      body.inputTextTokenCount ??
      answer.usage?.input_tokens,
    output_tokens:
      counted?.output_tokens ??
      counted?.outputTokens ??
      body.generation_token_count ??
      whole?.tokenCount ??
      answer.usage?.output_tokens,
  };
  if (counts.input_tokens !== undefined) answer.usage = counts;
}

function readTools({ content_block: block, delta }, answer) {
  if (block?.type === "tool_use") answer.tool_calls = [{ id: block.id, name: block.name, arguments: {} }];
  if (delta?.partial_json) answer.tool_calls[0].arguments = parsed(delta.partial_json);
}

/** Anthropic's counts, with everything cached, as events count. */
function withCached(counted) {
  if (counted?.input_tokens === undefined) return undefined;
  return (
    counted.input_tokens + (counted.cache_read_input_tokens ?? 0) + (counted.cache_creation_input_tokens ?? 0)
  );
}
