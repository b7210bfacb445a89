/**
 * An answer of the Responses API that asks for nothing, because agents do what they are asked for. Field shapes:
 * https://platform.openai.com/docs/api-reference/responses/object and …/responses-streaming
 */

const TEXT = "Hi there!";
const part = { type: "output_text", text: TEXT, annotations: [], logprobs: [] };
const item = { id: "msg_1", type: "message", status: "completed", role: "assistant", content: [part] };
const usage = {
  input_tokens: 5,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 3,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 8,
};

/** @param model as the request named it */
export function wholeResponse(model: unknown): object {
  return {
    ...{ id: "resp_1", object: "response", created_at: 1_741_476_542, status: "completed", model },
    ...{
      error: null,
      incomplete_details: null,
      instructions: null,
      metadata: {},
      tools: [],
      tool_choice: "auto",
    },
    ...{ parallel_tool_calls: true, temperature: 1, top_p: 1, output: [item], usage },
  };
}

/** The events of a stream, or of a turn in a WebSocket. */
export function responseEvents(model: unknown): ReadonlyArray<{ readonly type: string }> {
  const whole = wholeResponse(model);
  const begun = { ...whole, status: "in_progress", output: [], usage: null };
  const at = { item_id: item.id, output_index: 0, content_index: 0 };
  const events = [
    { type: "response.created", response: begun },
    { type: "response.in_progress", response: begun },
    {
      type: "response.output_item.added",
      output_index: 0,
      item: { ...item, status: "in_progress", content: [] },
    },
    { type: "response.content_part.added", ...at, part: { ...part, text: "" } },
    { type: "response.output_text.delta", ...at, delta: TEXT, logprobs: [] },
    { type: "response.output_text.done", ...at, text: TEXT, logprobs: [] },
    { type: "response.content_part.done", ...at, part },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: whole },
  ];
  return events.map((event, sequence_number) => ({ ...event, sequence_number }));
}
