import { answer, isRecord, lastPrompt } from "./canned-answer.js";
import type { Reply } from "./reply.js";

/**
 * POST /v1/chat/completions, with the responses of api.openai.com. Field shapes:
 * https://platform.openai.com/docs/api-reference/chat/object and …/chat-streaming
 */
export function chatCompletion(body: Record<string, unknown>): Reply {
  const { model, messages } = body;
  if (typeof model !== "string") return invalidRequest("you must provide a model parameter", null);
  if (!Array.isArray(messages) || messages.length === 0) {
    return invalidRequest("Missing required parameter: 'messages'.", "messages");
  }
  const { pieces, fingerprint, inputTokens, outputTokens } = answer(lastPrompt(messages));
  const head = { id: `chatcmpl-${fingerprint}`, created: Math.floor(Date.now() / 1000), model };
  const tail = { service_tier: "default", system_fingerprint: "fp_oximydemo" };
  const usage = {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };

  if (body.stream !== true) {
    const message = { role: "assistant", content: pieces.join(""), refusal: null, annotations: [] };
    const choices = [{ index: 0, message, logprobs: null, finish_reason: "stop" }];
    return {
      kind: "json",
      status: 200,
      body: { ...head, object: "chat.completion", choices, usage, ...tail },
    };
  }

  const wantsUsage = isRecord(body.stream_options) && body.stream_options.include_usage === true;
  // With include_usage every chunk carries `usage`, null in all but the last.
  const chunk = (choices: unknown[], chunkUsage: unknown = null): string =>
    JSON.stringify({
      ...head,
      object: "chat.completion.chunk",
      ...tail,
      choices,
      ...(wantsUsage ? { usage: chunkUsage } : {}),
    });
  const delta = (fields: object, finish_reason: string | null = null): string =>
    chunk([{ index: 0, delta: fields, logprobs: null, finish_reason }]);
  const data = [
    delta({ role: "assistant", content: "", refusal: null }),
    ...pieces.map((content) => delta({ content })),
    delta({}, "stop"),
    ...(wantsUsage ? [chunk([], usage)] : []),
    "[DONE]",
  ];
  return { kind: "stream", events: data.map((text) => `data: ${text}\n\n`) };
}

/** An error in the shape of https://platform.openai.com/docs/guides/error-codes */
export function invalidRequest(message: string, param: string | null, status: 400 | 404 = 400): Reply {
  return {
    kind: "json",
    status,
    body: { error: { message, type: "invalid_request_error", param, code: null } },
  };
}
