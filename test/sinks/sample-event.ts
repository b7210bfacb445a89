import type { EventMetadata, OximyEvent } from "../../src/event/event.js";
import type { Interaction } from "../../src/interaction/interaction.js";

/** The parts of the event that the documentation shows. */
export const SAMPLE_INTERACTION = {
  model: "gpt-4",
  provider: "openai",
  type: "chat",
  request: { messages: [{ role: "user", content: "Hello" }], model: "gpt-4", stream: true },
  response: {
    content: "Hi there!",
    model: "gpt-4",
    finish_reason: "stop",
    usage: { input_tokens: 5, output_tokens: 3 },
  },
} satisfies Interaction;

export const SAMPLE_METADATA = {
  request_method: "POST",
  request_host: "api.openai.com",
  request_path: "/v1/chat/completions",
  response_status: 200,
  protocol: "h2",
  content_length: 512,
  request_length: 210,
} satisfies EventMetadata;

/** An event as the documentation shows it, with the fields that a test is about. */
export function sampleEvent(fields: Partial<OximyEvent> = {}): OximyEvent {
  return {
    event_id: "019ba454-e7b4-7600-9e5e-376227eb454e",
    timestamp: "2026-01-09T19:56:26.420Z",
    source: { type: "api", id: "openai", endpoint: null },
    trace_level: "full",
    timing: { duration_ms: 1234, ttfb_ms: 456 },
    client: { pid: 4711, name: "node", path: "/usr/bin/node", uid: 1000, port: 54029 },
    interaction: { ...SAMPLE_INTERACTION, cost_usd: 0.00033 },
    metadata: SAMPLE_METADATA,
    ...fields,
  };
}
