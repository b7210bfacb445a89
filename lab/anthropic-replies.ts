import { answer, lastPrompt } from "./canned-answer.js";
import type { Reply } from "./reply.js";

/**
 * POST /v1/messages, with the responses of api.anthropic.com. Field shapes and the order of a stream's events:
 * https://docs.anthropic.com/en/api/messages and …/en/api/messages-streaming
 */
export function message(body: Record<string, unknown>): Reply {
  const { model, messages } = body;
  if (typeof model !== "string") return invalidRequest("model: Field required");
  if (typeof body.max_tokens !== "number") return invalidRequest("max_tokens: Field required");
  if (!Array.isArray(messages) || messages.length === 0) {
    return invalidRequest("messages: at least one message is required");
  }
  const { pieces, fingerprint, inputTokens, outputTokens } = answer(lastPrompt(messages));
  const head = { id: `msg_${fingerprint}`, type: "message", role: "assistant", model };
  const usage = {
    input_tokens: inputTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: outputTokens,
    service_tier: "standard",
  };

  if (body.stream !== true) {
    const content = [{ type: "text", text: pieces.join("") }];
    return {
      kind: "json",
      status: 200,
      body: { ...head, content, stop_reason: "end_turn", stop_sequence: null, usage },
    };
  }

  const start = {
    ...head,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...usage, output_tokens: 1 },
  };
  const events: Array<{ type: string; [field: string]: unknown }> = [
    { type: "message_start", message: start },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "ping" },
    ...pieces.map((text) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })),
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: { output_tokens: outputTokens },
    },
    { type: "message_stop" },
  ];
  return {
    kind: "stream",
    events: events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`),
  };
}

/** An error in the shape of https://docs.anthropic.com/en/api/errors */
export function invalidRequest(text: string): Reply {
  return failure(400, "invalid_request_error", text);
}

export function notFound(text: string): Reply {
  return failure(404, "not_found_error", text);
}

function failure(status: 400 | 404, type: string, text: string): Reply {
  return { kind: "json", status, body: { type: "error", error: { type, message: text } } };
}
