/**
 * What a model says, in the form of each provider. Shapes: docs.anthropic.com/en/docs/build-with-claude/streaming,
 * platform.openai.com/docs/api-reference/responses-streaming, ai.google.dev/api/generate-content.
 */

import type { JsonObject } from "../../../src/interaction/json.js";

export interface Answer {
  readonly text?: string;
  /** The conversation made short, in a form that only the provider reads. */
  readonly compacted?: true;
  readonly call?: { readonly id: string; readonly name: string; readonly given: JsonObject };
  /** The conversation has come near the end of what the model takes. */
  readonly isNearLimit?: true;
}

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Tokens of each call: agents that are told so compact their conversation. */
export const INPUT_TOKENS = 20_000;
/** Nearly what models take: a million, or 2^20. */
const TOKENS_NEAR_LIMIT = 990_000;
export const OUTPUT_TOKENS = 100;

/** Undefined for a path of no provider. */
export function replyOf(path: string, asked: JsonObject, answer: Answer, id: string): Reply | undefined {
  if (path.endsWith("/messages/count_tokens")) return json({ input_tokens: INPUT_TOKENS });
  if (path.endsWith("/messages"))
    return asked.stream === true ? anthropicStream(asked, answer, id) : json(anthropic(asked, answer, id));
  if (path.endsWith("/responses")) return events(responseEvents(asked, answer, id));
  if (path.endsWith(":countTokens")) return json({ totalTokens: INPUT_TOKENS });
  if (path.endsWith(":generateContent")) return json(gemini(answer));
  if (path.endsWith(":streamGenerateContent")) return events([gemini(answer)]);
  return undefined;
}

const json = (value: object): Reply => ({
  status: 200,
  type: "application/json",
  text: JSON.stringify(value),
});

function events(list: readonly object[]): Reply {
  const text = list.map((event) => {
    const { type } = event as { type?: unknown };
    return `${typeof type === "string" ? `event: ${type}\n` : ""}data: ${JSON.stringify(event)}\n\n`;
  });
  return { status: 200, type: "text/event-stream", text: text.join("") };
}

const inputTokens = ({ isNearLimit }: Answer) => (isNearLimit ? TOKENS_NEAR_LIMIT : INPUT_TOKENS);

function anthropic({ model }: JsonObject, answer: Answer, id: string): object {
  const { text, call } = answer;
  const content = call
    ? [{ type: "tool_use", id: `toolu_${call.id}`, name: call.name, input: call.given }]
    : [{ type: "text", text }];
  return {
    ...{ id: `msg_${id}`, type: "message", role: "assistant", model, content },
    ...{ stop_reason: call ? "tool_use" : "end_turn", stop_sequence: null },
    usage: { input_tokens: inputTokens(answer), output_tokens: OUTPUT_TOKENS },
  };
}

function anthropicStream({ model }: JsonObject, answer: Answer, id: string): Reply {
  const { text, call } = answer;
  const usage = { input_tokens: inputTokens(answer), output_tokens: 1 };
  const message = { id: `msg_${id}`, type: "message", role: "assistant", model, content: [], usage };
  const [block, delta] = call
    ? [
        { type: "tool_use", id: `toolu_${call.id}`, name: call.name, input: {} },
        { type: "input_json_delta", partial_json: JSON.stringify(call.given) },
      ]
    : [
        { type: "text", text: "" },
        { type: "text_delta", text },
      ];
  return events([
    { type: "message_start", message: { ...message, stop_reason: null, stop_sequence: null } },
    { type: "content_block_start", index: 0, content_block: block },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: call ? "tool_use" : "end_turn", stop_sequence: null },
      usage: { output_tokens: OUTPUT_TOKENS },
    },
    { type: "message_stop" },
  ]);
}

const responsesUsage = {
  input_tokens: INPUT_TOKENS,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: OUTPUT_TOKENS,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
};

/** Nothing is said to who only wants to have it ready. */
function responseItems({ text, call, compacted }: Answer, id: string): object[] {
  if (compacted) return [{ id: `cmp_${id}`, type: "compaction", encrypted_content: `made short ${id}` }];
  if (call) {
    const { name, given } = call;
    const called = { call_id: call.id, name, namespace: "collaboration", arguments: JSON.stringify(given) };
    return [{ id: `fc_${id}`, type: "function_call", ...called, status: "completed" }];
  }
  if (text === undefined) return [];
  const content = [{ type: "output_text", text, annotations: [] }];
  return [{ id: `msg_${id}`, type: "message", role: "assistant", status: "completed", content }];
}

/** The events of a stream, or of a turn in a WebSocket. */
export function responseEvents({ model }: JsonObject, answer: Answer, id: string): object[] {
  const output = responseItems(answer, id);
  const begun = {
    ...{ id: `resp_${id}`, object: "response", created_at: 1, status: "in_progress", model },
    output: [],
  };
  const done = { ...begun, status: "completed", output, usage: responsesUsage };
  return [
    { type: "response.created", response: begun },
    ...output.map((item) => ({ type: "response.output_item.added", output_index: 0, item })),
    ...output.map((item) => ({ type: "response.output_item.done", output_index: 0, item })),
    { type: "response.completed", response: done },
  ];
}

function gemini(answer: Answer): object {
  const { text, call } = answer;
  const promptTokenCount = inputTokens(answer);
  const part = call ? { functionCall: { id: call.id, name: call.name, args: call.given } } : { text };
  return {
    candidates: [{ index: 0, content: { role: "model", parts: [part] }, finishReason: "STOP" }],
    usageMetadata: {
      promptTokenCount,
      candidatesTokenCount: OUTPUT_TOKENS,
      totalTokenCount: promptTokenCount + OUTPUT_TOKENS,
    },
    modelVersion: "gemini-2.5-pro",
  };
}
